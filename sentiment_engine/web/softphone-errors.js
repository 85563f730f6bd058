// How a softphone is told that something failed. Nothing is thrown at the call; see `onError`.

/** A failure with a code for programs and a message for people. Neither ever holds the token. */
export class SoftphoneError extends Error {
  /**
   * @param {string} code `options`, `token`, `audio`, `network`, `callback`, or what the server's error said.
   * @param {string} message
   * @param {unknown} [cause] What the page's own code threw.
   */
  constructor(code, message, cause) {
    super(message, { cause });
    this.name = "SoftphoneError";
    this.code = code;
  }
}

/** @param {unknown} reason */
export function wordsOf(reason) {
  return reason instanceof Error ? reason.message : String(reason);
}

/**
 * `callback` made safe to call from anywhere: what it throws is reported as the page's own error, and goes no further.
 * @template T
 * @param {((value: T) => void) | undefined} callback
 * @returns {(value: T) => void}
 */
export function guarded(callback) {
  return (value) => {
    try {
      callback?.(value);
    } catch (reason) {
      reportError(reason);
    }
  };
}
