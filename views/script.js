// Comfort alone: every page works without it.

// A second press ends the page that the first one is loading, and with it the cookie that was on its way.
const sentAt = new Map();
document.addEventListener('submit', (event) => {
  if (Date.now() - (sentAt.get(event.target) ?? 0) < 10_000) event.preventDefault();
  else sentAt.set(event.target, Date.now());
});
// Also where the browser shows a page again that it has kept.
window.addEventListener('pageshow', () => sentAt.clear());

// Buttons that only a script can serve are hidden without one.
for (const button of document.querySelectorAll('button[data-copy]')) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener('click', async () => {
    const parts = source.querySelectorAll('code');
    const text =
      parts.length > 0 ? Array.from(parts, (part) => part.textContent).join('\n') : source.textContent;
    await navigator.clipboard.writeText(text);
    button.textContent = button.dataset.copied;
  });
}

for (const button of document.querySelectorAll('button[data-print]')) {
  button.hidden = false;
  button.addEventListener('click', () => window.print());
}
