const bcrypt = require('bcryptjs');
const express = require('express');
const passport = require('passport');
const { ensureLoggedIn } = require('../auth');
const db = require('../db');

const router = express.Router();

router.get('/', (req, res) => {
  res.redirect(req.user ? '/notes' : '/login');
});

router.get('/login', (req, res) => {
  res.render('login');
});

router.post(
  '/login',
  passport.authenticate('local', {
    successReturnToOrRedirect: '/notes',
    failureRedirect: '/login',
    failureFlash: true,
    keepSessionInfo: true,
  }),
);

router.get('/register', (req, res) => {
  res.render('register');
});

router.post('/register', async (req, res, next) => {
  try {
    const hash = await bcrypt.hash(req.body.password, 10);
    const { lastInsertRowid } = db
      .prepare('INSERT INTO users (email, password_hash) VALUES (?, ?)')
      .run(req.body.email, hash);
    const user = db.prepare('SELECT * FROM users WHERE id = ?').get(lastInsertRowid);
    req.login(user, (err) => {
      if (err) return next(err);
      res.redirect('/notes');
    });
  } catch (err) {
    next(err);
  }
});

router.get('/account', ensureLoggedIn, (req, res) => {
  res.render('account');
});

router.post('/logout', (req, res, next) => {
  req.logout((err) => {
    if (err) return next(err);
    res.redirect('/login');
  });
});

module.exports = router;
