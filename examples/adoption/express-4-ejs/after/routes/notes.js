const express = require('express');
const { ensureLoggedIn } = require('../auth');
const db = require('../db');

const router = express.Router();

router.use(ensureLoggedIn);

router.get('/', (req, res) => {
  const notes = db.prepare('SELECT * FROM notes WHERE owner_id = ? ORDER BY id').all(req.user.id);
  res.render('notes', { notes });
});

router.post('/', (req, res) => {
  db.prepare('INSERT INTO notes (owner_id, text) VALUES (?, ?)').run(req.user.id, req.body.text);
  res.redirect('/notes');
});

module.exports = router;
