// Requests to the server: the token in a header, errors by the code that the server gave them.

export class ApiError extends Error {
  /** @param {string} code @param {string} message @param {number} status */
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export class Api {
  /** @param {string} token May be empty. */
  constructor(token) {
    this.#token = token;
  }

  #token;

  /**
   * @param {string} path @param {Record<string, string | number | boolean | null | undefined>} query What is empty is left out.
   * @param {string} method @param {object} [sent] Sent as JSON.
   * @returns {Promise<any>}
   * @throws {ApiError} `unreachable` without an answer, else the server's own code.
   */
  async ask(path, query = {}, method = "GET", sent = undefined) {
    const answer = await this.#answer(path, query, method, sent);
    let body;
    try {
      body = await answer.json();
    } catch (reason) {
      throw new ApiError("no_json", String(reason), answer.status);
    }
    if (!answer.ok) throw new ApiError(body.code ?? "error", body.message ?? answer.statusText, answer.status);
    return body;
  }

  /** A file, as it is. @param {string} path @param {Record<string, any>} query @throws {ApiError} as `ask`. */
  async file(path, query) {
    const answer = await this.#answer(path, query, "GET", undefined);
    if (answer.ok) return answer.blob();
    const { code = "error", message = answer.statusText } = await answer.json();
    throw new ApiError(code, message, answer.status);
  }

  /** @param {string} path @param {Record<string, any>} query @param {string} method @param {object | undefined} sent */
  async #answer(path, query, method, sent) {
    const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
    const search = given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
    /** @type {Record<string, string>} */
    const headers = this.#token ? { Authorization: `Bearer ${this.#token}` } : {};
    if (sent) headers["Content-Type"] = "application/json";
    try {
      return await fetch(path + search, { method, headers, body: sent && JSON.stringify(sent), cache: "no-store", credentials: "omit" });
    } catch (reason) {
      throw new ApiError("unreachable", String(reason), 0);
    }
  }

  /** All rows of a list, page by page, newest first; at most `most`, and whether there are more. */
  async all(/** @type {string} */ path, /** @type {string} */ field, /** @type {Record<string, any>} */ query, most = 5000) {
    const rows = [];
    let before = null;
    do {
      const page = await this.ask(path, { ...query, before, limit: Math.min(500, most) });
      rows.push(...page[field]);
      before = page.next;
    } while (before !== null && rows.length < most);
    return { rows, isCut: before !== null };
  }

  /** The events of a call, page by page, as `each` takes them. */
  async events(/** @type {string} */ callId, /** @type {(events: any[], cursor: string) => boolean} */ each, since = "0", types = "") {
    let next = since;
    while (next !== null) {
      const page = await this.ask(`/v1/calls/${encodeURIComponent(callId)}/events`, { since: next, types, limit: 500 });
      const newest = page.events.at(-1)?.sequence ?? next;
      if (!each(page.events.map((/** @type {any} */ one) => one.data), newest)) return;
      next = page.next;
    }
  }

  /** @param {string} alertId */
  acknowledge(alertId) {
    return this.ask(`/v1/alerts/${encodeURIComponent(alertId)}/ack`, {}, "POST");
  }

  /** @param {string} alertId @param {string | null} to @param {string | null} was Who has it, as far as we know. */
  assign(alertId, to, was) {
    return this.ask(`/v1/alerts/${encodeURIComponent(alertId)}/assign`, {}, "POST", { to, was });
  }

  /** @param {any} duty One of GET /v1/reviews. @param {object} review */
  review(duty, review) {
    const subject = duty.kind === "alert" ? `alerts/${encodeURIComponent(duty.alert_id)}` : `calls/${encodeURIComponent(duty.call_id)}`;
    return this.ask(`/v1/${subject}/reviews`, {}, "POST", { ...review, cursor: duty.cursor });
  }
}
