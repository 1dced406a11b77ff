// The grid of images, which takes keys and clicks and hands a whole page of answers over at once.
//
// Answers are kept in sessionStorage from the moment they are given until Python says that they have
// been dealt with: a reload, or a server that ends and starts again, loses none of them. They are
// found again by the key of their question, on whatever page it is shown next.

const grids = new WeakMap();

export default function (component) {
  const root = component.parentElement;
  if (!grids.has(root)) grids.set(root, new Grid(root));
  const grid = grids.get(root);
  grid.show(component.data, component.setTriggerValue);
  return () => grid.leave();
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function isText(element) {
  if (!element || !element.tagName) return false;
  const kinds = ["checkbox", "radio", "range", "button", "submit"];
  if (element.tagName === "INPUT") return !kinds.includes(element.type);
  return element.isContentEditable || ["TEXTAREA", "SELECT"].includes(element.tagName);
}

class Grid {
  constructor(root) {
    this.root = root;
    this.page = null;
    this.current = 0;
    this.isSent = false;
    this.onKey = (event) => this.key(event);
    // What was clicked elsewhere on the page shall not take the keys.
    this.onPointer = () => setTimeout(() => this.freeKeys(), 0);
  }

  // ---- what Python says

  show(data, send) {
    this.data = data;
    this.send = send;
    this.answers = this.load();
    if (data.reply !== this.reply) {
      this.reply = data.reply;
      for (const key of data.handled) delete this.answers[key];
      this.keep();
    }
    document.removeEventListener("keydown", this.onKey, true);
    document.addEventListener("keydown", this.onKey, true);
    document.removeEventListener("pointerup", this.onPointer, true);
    document.addEventListener("pointerup", this.onPointer, true);
    if (data.page !== this.page) {
      this.page = data.page;
      this.isZoomed = false;
      const open = data.cards.findIndex((card) => !(card.key in this.answers));
      this.current = open < 0 ? 0 : open;
      this.freeKeys();
      if (data.from_suggestions) this.takeSuggestions();
    }
    this.isSent = false;
    clearTimeout(this.timer);
    this.build();
  }

  leave() {
    document.removeEventListener("keydown", this.onKey, true);
    document.removeEventListener("pointerup", this.onPointer, true);
  }

  takeSuggestions() {
    for (const card of this.data.cards) {
      if (card.suggested !== null && !(card.key in this.answers)) {
        this.answers[card.key] = { label: card.suggested, is_suggested: true };
      }
    }
    this.keep();
  }

  // ---- answers

  load() {
    try {
      return JSON.parse(sessionStorage.getItem(this.data.store)) || {};
    } catch {
      return this.answers || {};
    }
  }

  keep() {
    try {
      sessionStorage.setItem(this.data.store, JSON.stringify(this.answers));
    } catch {
      // Without storage they are in memory alone.
    }
  }

  // Answers to questions that are not on this page, from before a reload.
  others() {
    const here = new Set(this.data.cards.map((card) => card.key));
    return Object.keys(this.answers).filter((key) => !here.has(key));
  }

  answer(answer) {
    if (this.isSent || !this.data.cards.length) return;
    this.answers[this.data.cards[this.current].key] = answer;
    this.keep();
    const isFull = this.data.cards.every((card) => card.key in this.answers);
    if (isFull && this.data.save_when_full) return this.save();
    this.move(1);
  }

  save() {
    const keys = Object.keys(this.answers);
    if (this.isSent || !keys.length) return;
    this.isSent = true;
    // If nothing comes back, as from a server that has ended, Enter may be pressed again.
    this.timer = setTimeout(() => {
      this.isSent = false;
      this.paint("No reply yet. The answers are kept here: press Enter to send them again.");
    }, 15000);
    this.paint();
    const answers = keys.map((key) => {
      const { label = null, is_skipped = false } = this.answers[key];
      return { key, label, is_skipped };
    });
    this.send("answers", { page: this.page, answers });
  }

  move(by) {
    const last = this.data.cards.length - 1;
    this.current = Math.min(Math.max(this.current + by, 0), last);
    this.paint();
  }

  // ---- keys

  freeKeys() {
    const active = document.activeElement;
    if (active && active !== document.body && !isText(active)) active.blur();
  }

  perRow() {
    const tops = [...this.grid.children].map((card) => card.offsetTop);
    return Math.max(1, tops.filter((top) => top === tops[0]).length);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.data) return;
    const target = event.composedPath()[0];
    const isElsewhere = target !== document.body && target !== document.documentElement;
    if (isText(target)) return;
    // A button that was reached with the tab key is pressed with these.
    if (isElsewhere && ["Enter", " "].includes(event.key) && !this.root.contains(target)) return;
    const act = this.actions(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!event.repeat || event.key.startsWith("Arrow")) act();
  }

  actions(key) {
    const { binary, classes } = this.data;
    const digit = /^[0-9]$/.test(key) ? Number(key) : null;
    if (binary && (key === "y" || digit === 1)) return () => this.answer({ label: "1" });
    if (binary && (key === "n" || digit === 0)) return () => this.answer({ label: "0" });
    if (!binary && digit >= 1 && digit <= Math.min(9, classes.length)) {
      return () => this.answer({ label: classes[digit - 1] });
    }
    return {
      s: () => this.answer({ is_skipped: true }),
      " ": () => this.answer({ is_skipped: true }),
      x: () => this.answer({ label: null }),
      z: () => this.zoom(!this.isZoomed),
      Escape: () => this.zoom(false),
      Enter: () => this.save(),
      ArrowRight: () => this.move(1),
      ArrowLeft: () => this.move(-1),
      ArrowDown: () => this.move(this.perRow()),
      ArrowUp: () => this.move(-this.perRow()),
      Backspace: () => this.takeBack(),
    }[key];
  }

  takeBack() {
    const here = this.data.cards[this.current];
    if (here && here.key in this.answers) {
      delete this.answers[here.key];
      this.keep();
      this.paint();
    } else if (this.current > 0) {
      this.current -= 1;
      delete this.answers[this.data.cards[this.current].key];
      this.keep();
      this.paint();
    }
  }

  zoom(isZoomed) {
    this.isZoomed = isZoomed;
    this.paint();
  }

  // ---- what is seen

  build() {
    const { data } = this;
    let frame = this.root.querySelector(".frame");
    if (frame) frame.remove();
    frame = make("div", "frame");
    this.root.appendChild(frame);
    frame.append(this.buildBar());
    this.status = make("div", "status");
    this.status.setAttribute("role", "status");
    this.grid = make("div", "grid");
    this.grid.setAttribute("role", "listbox");
    data.cards.forEach((card, i) => this.grid.append(this.buildCard(card, i)));
    this.large = make("div", "large");
    this.large.onclick = () => this.zoom(false);
    frame.append(this.grid, this.status, this.large);
    this.paint();
  }

  buildBar() {
    const { data } = this;
    const bar = make("div", "bar");
    const question = make("div", "question");
    question.append(make("span", "attribute", data.attribute));
    question.append(make("span", "kind", data.binary ? "is it there?" : "which class?"));
    const choices = make("div", "choices");
    const choose = (key, text, className, act) => {
      const button = make("button", className);
      button.type = "button";
      button.append(make("kbd", "", key), make("span", "", text));
      button.onclick = act;
      choices.append(button);
    };
    if (data.binary) {
      choose("y", "yes", "yes", () => this.answer({ label: "1" }));
      choose("n", "no", "no", () => this.answer({ label: "0" }));
    } else {
      data.classes.slice(0, 9).forEach((name, i) => {
        choose(String(i + 1), name, "class", () => this.answer({ label: name }));
      });
      if (data.classes.length > 9) choices.append(this.buildSelect());
    }
    choose("s", "skip", "", () => this.answer({ is_skipped: true }));
    choose("x", "cannot be told", "", () => this.answer({ label: null }));
    const save = make("button", "save");
    save.type = "button";
    save.append(make("span", "", "Save page"), make("kbd", "", "Enter"));
    save.onclick = () => this.save();
    bar.append(question, choices, save);
    return bar;
  }

  buildSelect() {
    const select = make("select");
    select.setAttribute("aria-label", "other classes");
    select.append(new Option("other class …", ""));
    for (const name of this.data.classes.slice(9)) select.append(new Option(name, name));
    select.onchange = () => {
      const name = select.value;
      select.value = "";
      select.blur();
      if (name) this.answer({ label: name });
    };
    return select;
  }

  buildCard(card, i) {
    const { data } = this;
    const element = make("div", "card");
    element.setAttribute("role", "option");
    element.title = card.title;
    const image = make("div", "image");
    if (card.src) {
      const picture = make("img");
      picture.src = card.src;
      picture.alt = card.name;
      picture.draggable = false;
      image.append(picture);
    } else {
      image.append(make("div", "unreadable", card.trouble));
    }
    image.append(make("div", "badge"));
    element.append(image, make("div", "name", card.name));
    if (card.note) element.append(make("div", "note", card.note));
    const model = make("div", "model");
    if (card.suggested !== null) {
      const text = data.binary ? (card.suggested === "1" ? "yes" : "no") : card.suggested;
      const track = make("div", "track");
      const fill = make("div", "fill");
      fill.style.width = `${Math.round(100 * card.confidence)}%`;
      track.append(fill);
      model.append(make("span", "", `model: ${text}`));
      model.append(track, make("span", "number", card.confidence.toFixed(2)));
    }
    element.append(model);
    element.onclick = () => {
      this.current = i;
      this.paint();
    };
    if (data.binary) {
      const pair = make("div", "pair");
      for (const [label, text] of [["1", "yes"], ["0", "no"]]) {
        const button = make("button", text, text);
        button.type = "button";
        button.tabIndex = -1;
        button.onclick = (event) => {
          event.stopPropagation();
          this.current = i;
          this.answer({ label });
        };
        pair.append(button);
      }
      element.append(pair);
    }
    return element;
  }

  describe(answer) {
    if (!answer) return ["", ""];
    if (answer.is_skipped) return ["skip", "skipped"];
    if (answer.label === null || answer.label === undefined) return ["none", "cannot be told"];
    if (!this.data.binary) return ["class", answer.label];
    return answer.label === "1" ? ["yes", "yes"] : ["no", "no"];
  }

  paint(message) {
    const { cards } = this.data;
    let n = 0;
    cards.forEach((card, i) => {
      const element = this.grid.children[i];
      const answer = this.answers[card.key];
      const [kind, text] = this.describe(answer);
      n += kind ? 1 : 0;
      const suggested = answer && answer.is_suggested ? " suggested" : "";
      const current = i === this.current ? " current" : "";
      element.className = `card ${kind ? `is-${kind}` : ""}${suggested}${current}`;
      element.setAttribute("aria-selected", String(i === this.current));
      element.querySelector(".badge").textContent = text;
    });
    const others = this.others().length;
    const kept = others ? ` ${others} earlier answers wait to be saved too.` : "";
    let text = `${n} of ${cards.length} answered.${kept} `;
    if (this.isSent) text = "Saving …";
    else if (message) text = message;
    else if (cards.length && n === cards.length) text += "Enter saves the page.";
    this.status.textContent = text;
    this.status.classList.toggle("full", cards.length > 0 && n === cards.length);
    this.root.querySelector(".frame").classList.toggle("sent", this.isSent);
    const card = cards[this.current];
    this.large.classList.toggle("open", Boolean(this.isZoomed && card && card.src));
    this.large.replaceChildren();
    if (this.isZoomed && card && card.src) {
      const picture = make("img");
      picture.src = card.src;
      this.large.append(picture, make("div", "", card.name));
    }
    const element = this.grid.children[this.current];
    if (element) element.scrollIntoView({ block: "nearest" });
  }
}
