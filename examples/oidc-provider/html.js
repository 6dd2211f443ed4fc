// The few pages that both applications have of their own.

const escape = (text) =>
  String(text).replace(
    /[&<>"]/g,
    (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign],
  );

export const page = (title, ...parts) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(title)}</title><h1>${escape(title)}</h1>${parts.join('')}</html>`;

export const text = (words) => `<p>${escape(words)}</p>`;

export const link = (href, words) => `<p><a href="${escape(href)}">${escape(words)}</a></p>`;

export const json = (value) => `<pre>${escape(JSON.stringify(value, null, 2))}</pre>`;

export function form(action, names, button) {
  const type = (name) => (name === 'password' ? 'password' : 'text');
  const fields = names.map((name) => `<label>${name} <input name="${name}" type="${type(name)}"></label> `);
  return `<form method="post" action="${escape(action)}">${fields.join('')}<button>${escape(button)}</button></form>`;
}
