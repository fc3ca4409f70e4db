/**
 * Finds an element of the page by its id.
 *
 * @template {HTMLElement} E
 * @param {string} id
 * @param {new () => E} type
 * @returns {E}
 */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} with the id ${id}`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * Runs an action on an event. The browser reports its errors.
 *
 * @param {HTMLElement} target
 * @param {'click' | 'submit'} type
 * @param {() => Promise<void>} action
 */
export function on(target, type, action) {
  target.addEventListener(type, (event) => {
    event.preventDefault();
    void action();
  });
}

/**
 * Writes a text only if it has changed, so that screen readers do not repeat it.
 *
 * @param {HTMLElement} target
 * @param {string} text
 */
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
