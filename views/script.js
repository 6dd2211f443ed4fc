// Comfort alone: every page works without it. Shows the buttons that only a script can serve.
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
