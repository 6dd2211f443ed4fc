const path = require('path');
const csrf = require('csurf');
const express = require('express');
const flash = require('connect-flash');
const passport = require('passport');
const session = require('express-session');
const Database = require('libsql');
const { createSecondFactor, sqlStorage } = require('passport-second-factor');

const secondFactor = createSecondFactor({
  issuer: 'Notes',
  origin: process.env.ORIGIN || 'http://localhost:3000',
  storage: sqlStorage.sqlite(new Database('notes.db')),
  keys: [{ id: '2026-11', secret: process.env.TWO_FACTOR_KEY }],
  user: { id: (user) => String(user.id), label: (user) => user.email },
  csrf: { field: '_csrf', token: (req) => req.csrfToken() },
});
secondFactor.ready();

const app = express();

app.set('views', path.join(__dirname, 'views'));
app.set('view engine', 'ejs');

app.use(express.urlencoded({ extended: false }));
app.use(
  session({
    secret: process.env.SESSION_SECRET || 'keyboard cat',
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax' },
  }),
);
app.use(csrf());
app.use(flash());
app.use(passport.initialize());
secondFactor.protect(passport);
app.use(passport.session());
app.use('/two-factor', secondFactor.pages());
app.use((req, res, next) => {
  res.locals.user = req.user;
  res.locals.csrfToken = req.csrfToken();
  res.locals.messages = req.flash('error');
  next();
});

app.use('/', require('./routes/users'));
app.use('/notes', require('./routes/notes'));

app.use((err, req, res, next) => {
  if (err.code === 'EBADCSRFTOKEN') return res.status(403).send('This form has expired. Please go back.');
  next(err);
});

const port = process.env.PORT || 3000;
app.listen(port, () => {
  console.log(`Listening on http://localhost:${port}`);
});
