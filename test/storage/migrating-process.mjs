// Forked by processes.test.ts: waits until all processes are up, then opens and migrates.
const { open } = await import(process.argv[2]);

process.once('message', async () => {
  await open();
  process.exit();
});
process.send('ready');
