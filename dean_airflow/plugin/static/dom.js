// Elements from plain values. Text goes in as text nodes, whatever it looks like; nothing here takes HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. `options`: class, on (listeners by event), anything else an attribute (true: bare, false/null: none). */
export function h(tag, options = {}, ...children) {
  return furnish(document.createElement(tag), options, children);
}

/** The same for SVG. */
export function s(tag, options = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), options, children);
}

/** Puts `children` in place of what `place` holds. */
export function fill(place, ...children) {
  place.replaceChildren(...flat(children));
  return place;
}

function furnish(element, options, children) {
  for (const [name, value] of Object.entries(options)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "class") {
      if (value) element.setAttribute("class", value);
    } else if (name === "width%") {
      element.style.width = `${value}%`;
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
