// Holds the write lock of a SQLite file until it is let go. argv: the file.
import Database from 'libsql';

const db = new Database(process.argv[2]);
db.exec('BEGIN IMMEDIATE');
process.once('disconnect', () => {
  db.exec('ROLLBACK');
  process.exit();
});
process.send('locked');
