// What the agent says of a phrase: three buttons, and a note if there is more to say.

import { h, refill } from "../console/dom.js";
import { lately } from "../console/language.js";
import { say } from "./words.js";

export const ANSWERS = ["helped", "did_not_help", "does_not_fit"];
/** As the server takes it (`NOTE_CHARS`). */
const NOTE_CHARS = 500;

export class AnswerBox {
  /**
   * @param {(answer: string, note: string) => Promise<any>} send
   * @param {boolean} keeps Whether the server can keep an answer.
   */
  constructor(send, keeps) {
    this.#send = send;
    this.#buttons = ANSWERS.map((answer) =>
      h("button", { "data-answer": answer, "aria-pressed": "false", on: { click: () => this.#give(answer) } }, say(answer)));
    this.#note = h("textarea", { maxlength: String(NOTE_CHARS), rows: "2" });
    this.#more = h("div", { class: "note-box", hidden: true },
      h("label", { class: "field" }, h("span", {}, say("note")), this.#note),
      h("button", { on: { click: () => this.#answer && this.#give(this.#answer.answer) } }, say("keepNote")));
    this.#state = h("p", { class: "soft small", role: "status" }, say("answerNote"));
    this.#problem = h("div", { role: "alert" });
    this.element = keeps
      ? h("fieldset", { class: "answer" }, h("legend", {}, say("answer")), h("div", { class: "choices" }, ...this.#buttons), this.#more, this.#state, this.#problem)
      : h("p", { class: "soft small" }, say("cannotKeep"));
  }

  #send;
  #buttons;
  #note;
  #more;
  #state;
  #problem;
  #isSending = false;
  #answer = /** @type {import("./picture.js").Answer | null} */ (null);

  get answer() {
    return this.#answer;
  }

  /** Puts it elsewhere; who writes in it goes on writing. @param {() => void} move @param {() => void} reveal */
  moveTo(move, reveal = () => {}) {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    const isIn = this.element.contains(focused);
    move();
    if (!isIn) return;
    reveal();
    focused?.focus({ preventScroll: true });
  }

  /** The answer that stands; another tab may have given it. @param {import("./picture.js").Answer | null} answer */
  show(answer) {
    if (answer?.at === this.#answer?.at) return;
    this.#answer = answer;
    for (const button of this.#buttons) button.setAttribute("aria-pressed", String(button.dataset.answer === answer?.answer));
    this.#more.hidden = !answer;
    this.#state.textContent = answer ? say("kept", { time: lately(answer.at) }) : say("answerNote");
    if (answer && document.activeElement !== this.#note) this.#note.value = answer.note;
  }

  /** @param {string} answer */
  async #give(answer) {
    if (this.#isSending) return; // a disabled button would lose the focus instead
    this.#isSending = true;
    refill(this.#problem);
    try {
      await this.#send(answer, this.#note.value.trim());
    } catch (reason) {
      const { code, message } = /** @type {any} */ (reason);
      if (code === undefined) throw reason;
      refill(this.#problem, h("p", { class: "problem" }, say("failed", { reason: code === "unreachable" ? say("unreachable") : message })));
    } finally {
      this.#isSending = false;
    }
  }
}
