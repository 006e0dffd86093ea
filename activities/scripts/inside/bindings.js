// What a JavaScript script is given; the same as bindings.py. `run(body, question)` answers as text.
(() => {
  "use strict";
  const copy = (value) => (value === undefined ? null : JSON.parse(JSON.stringify(value) ?? "null"));
  const fromInside = (values, levels) =>
    levels >= 0 && levels < values.length ? values[values.length - 1 - levels] : null;

  class Refusal extends Error {
    constructor(message, code) {
      super(String(message));
      this.name = "Refused";
      this.code = String(code);
    }
  }

  class DefaultContext {
    #values;
    #operations;
    constructor(values, operations) {
      this.#values = new Map(Object.entries(values));
      this.#operations = operations;
    }
    #write(op, key, value) {
      if (typeof key !== "string") throw new TypeError(`keys of the context are texts, not ${key}`);
      this.#operations.push({ op, key, value: copy(value) });
    }
    getData(key) { return this.#values.has(key) ? this.#values.get(key) : null; }
    hasData(key) { return this.#values.has(key); }
    setData(key, value) { this.#write("set", key, value); this.#values.set(key, copy(value)); }
    removeData(key) { this.#write("delete", key, null); this.#values.delete(key); }
    add(key, amount) {
      if (typeof amount !== "number") throw new TypeError(`cannot add ${amount} to '${key}'`);
      this.#write("add", key, amount);
      this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
    }
    append(key, value) {
      this.#write("append", key, value);
      this.#values.set(key, [...(this.#values.get(key) ?? []), copy(value)]);
    }
  }

  class Component {
    #asked; #left;
    constructor(asked, left) { this.#asked = asked; this.#left = left; }
    setIsEnd(end = true) { this.#left.end = Boolean(end); }
    refuse(message, code = "REFUSED") { throw new Refusal(message, code); }
    getNodeId() { return this.#asked.meta.nodeId; }
    getName() { return this.#asked.name; }
    getTag() { return this.#asked.meta.tag; }
    getChainId() { return this.#asked.chain; }
    getCurrChainId() { return this.#asked.meta.currChainId; }
    getRequestData() { return this.#asked.meta.requestData; }
    getCmpData() { return this.#asked.meta.cmpData; }
    getBindData(key) { return this.#asked.bind[key] ?? null; }
    getTargetList() { return [...this.#asked.targets]; }
    getLoopIndex() { return fromInside(this.#asked.indexes, 0); }
    getPreLoopIndex() { return fromInside(this.#asked.indexes, 1); }
    getPreNLoopIndex(levels) { return fromInside(this.#asked.indexes, levels); }
    getCurrLoopObj() { return fromInside(this.#asked.objects, 0); }
    getPreLoopObj() { return fromInside(this.#asked.objects, 1); }
    getPreNLoopObj(levels) { return fromInside(this.#asked.objects, levels); }
    sendPrivateDeliveryData(component, value) {
      const key = this.#asked.delivered + component;
      this.#left.operations.push({ op: "append", key, value: copy(value) });
    }
    getPrivateDeliveryData() {
      if (this.#asked.deliveries.length === 0) return null;
      const key = this.#asked.delivered + this.getNodeId();
      this.#left.operations.push({ op: "take", key, value: null });
      return this.#asked.deliveries.shift();
    }
  }

  const failed = (code, type, message, more = {}) =>
    ({ error: { code, type, message, line: null, kinds: [], refused: false, ...more } });

  const called = (body, asked, left) => {
    let value;
    try {
      const context = new DefaultContext(asked.context, left.operations);
      value = body(context, { ...asked.meta, cmp: new Component(asked, left) });
    } catch (error) {
      if (error instanceof Refusal) return failed(error.code, "Refused", error.message, { refused: true });
      if (!(error instanceof Error)) return failed("SCRIPT_FAILED", "Error", String(error));
      const place = /script:(\d+):\d+/.exec(error.stack ?? "");
      const kinds = error.constructor === Error ? [] : ["Error"];
      const line = place ? Number(place[1]) : null;
      const name = error.name === "Error" ? error.constructor.name : error.name;
      return failed("SCRIPT_FAILED", name, error.message, { line, kinds });
    }
    if (typeof value?.then === "function") {
      return failed("BAD_OUTPUT", "BadOutput", "it answers with a promise; nobody waits for one");
    }
    try {
      JSON.stringify(value);
    } catch (error) {
      return failed("BAD_OUTPUT", "BadOutput", `it answers with what is no JSON: ${error.message}`);
    }
    return { value: value === undefined ? null : value };
  };

  return (body, asked) => {
    const left = { operations: [], end: false };
    let printed = "";
    const print = (...words) => {
      const line = words.map((word) => (typeof word === "string" ? word : JSON.stringify(word))).join(" ");
      printed = (printed + line + "\n").slice(0, 4096);
    };
    globalThis.print = print;
    globalThis.console = { log: print, info: print, warn: print, error: print, debug: print };
    return JSON.stringify({ ...called(body, asked, left), ...left, printed });
  };
})()
