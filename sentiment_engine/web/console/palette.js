// Colours of the style sheet as a canvas needs them: resolved for the look of now.

/** @param {string[]} names Custom properties. @returns {Record<string, string>} */
export function colours(names) {
  // A custom property gives its text, light-dark() and all: an element has to resolve it.
  const probe = document.createElement("i");
  document.body.append(probe);
  const found = Object.fromEntries(names.map((name) => {
    probe.style.color = `var(${name})`;
    return [name, getComputedStyle(probe).color];
  }));
  probe.remove();
  return found;
}

/** Calls `act` when the look changes; returns how to end it. @param {() => void} act */
export function onLook(act) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  addEventListener("look", act);
  media.addEventListener("change", act);
  return () => {
    removeEventListener("look", act);
    media.removeEventListener("change", act);
  };
}
