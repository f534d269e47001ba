//! The door: documents for people who are not logged in. Complete HTML, no script, outside the app.
