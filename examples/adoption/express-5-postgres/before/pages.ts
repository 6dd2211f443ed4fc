export function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${String(char.charCodeAt(0))};`);
}

export function form(action: string, fields: string[], button: string): string {
  const inputs = fields.map((name) => {
    const type = name === 'password' ? 'password' : 'text';
    return `<p><label>${name} <input name="${name}" type="${type}"></label>`;
  });
  return `<form method="post" action="${escape(action)}">${inputs.join('')}<p><button>${button}</button></form>`;
}
