//! What can go wrong in the store, in words for whoever runs the portal.

use windfirm_model::run::WrongTransition;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database cannot be understood.
    #[error("the database URL cannot be used: {0} Write sqlite:/path/to/windfirm.db or postgres://user@host/database.")]
    BadUrl(String),
    #[error("the database cannot be reached: {0}. Check that it runs and that the URL is right; the portal goes on by itself when it is back.")]
    Unreachable(String),
    /// A change while the portal runs can be of password and user only.
    #[error(
        "the new URL names another database than the one that is in use: another host, port, name or kind. The portal goes on with the one in use; restart it to move."
    )]
    OtherDatabase,
    /// Another process holds the database for longer than we wait, or two writers got in each other's way.
    #[error("the database is locked by another process: {0}. Try again; if it stays so, look for a second portal or a backup on the same file.")]
    Locked(String),
    #[error("the database was made by a newer version: it has migration {0}, which this program does not know. Start the newer version.")]
    NewerSchema(i64),
    #[error("the database schema does not fit this program: {0}. Restore a backup, or ask who changed it.")]
    WrongSchema(String),
    /// The version that a change was based on is gone: somebody else was faster. Read again, decide again.
    #[error("the run has changed in the meantime; read it again")]
    Moved,
    /// Another portal looks after the run by now, or it has ended: what this one wanted to write is not written.
    #[error("the run is not in this portal's hands any more")]
    NotOurs,
    /// Other portals took deliveries in that are not merged yet. Merge them, then try again.
    #[error("deliveries of the run still wait to be merged")]
    Waiting,
    /// A second portal on a SQLite file.
    #[error(
        "another portal works on the SQLite file {0}. SQLite has one portal: end the other one, or keep the data in PostgreSQL, which several portals can share."
    )]
    TwoPortals(String),
    #[error(transparent)]
    WrongTransition(#[from] WrongTransition),
    /// The permit does not say what the change is to be made on. A fault of ours.
    #[error("the permit names no {0}")]
    NoTarget(&'static str),
    /// The target of a change does not exist.
    #[error("there is no such {0}")]
    NoSuch(&'static str),
    /// A second intent for one operation, or an outcome without an intent. A fault of ours.
    #[error("audit: {0}")]
    Audit(&'static str),
    /// A row that we cannot read back: written by another program, or damaged.
    #[error("a row of {table} cannot be read: {why}")]
    Unreadable { table: &'static str, why: String },
    #[error("the database refused a statement: {0}")]
    Refused(#[source] sqlx::Error),
}

impl StoreError {
    pub(crate) fn unreadable(table: &'static str, why: impl ToString) -> Self {
        Self::Unreadable { table, why: why.to_string() }
    }
    /// Whether trying again later may help, without anybody mending anything in the portal.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Locked(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Unreachable(error.to_string())
            }
            sqlx::Error::Database(cause) => match kind_of_code(cause.code().as_deref().unwrap_or_default()) {
                Kind::Locked => Self::Locked(error.to_string()),
                Kind::Unreachable => Self::Unreachable(error.to_string()),
                Kind::Other => Self::Refused(error),
            },
            _ => Self::Refused(error),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError as M;
        match error {
            M::VersionMissing(version) | M::VersionTooNew(version, _) => Self::NewerSchema(version),
            M::Execute(cause) => Self::from(cause),
            other => Self::WrongSchema(other.to_string()),
        }
    }
}

/// The class of PostgreSQL's “invalid authorization specification”.
const LOGIN_REFUSED: &str = "28";

/// Whether the database does not take the user or the password.
pub(crate) fn is_login_refused(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(cause) = error else { return false };
    cause.code().is_some_and(|code| code.len() == 5 && code.starts_with(LOGIN_REFUSED))
}

enum Kind {
    Locked,
    Unreachable,
    Other,
}

/// SQLite result codes are numbers (extended ones have the primary code in their low byte); PostgreSQL's have five characters.
fn kind_of_code(code: &str) -> Kind {
    if code.len() == 5 {
        return match code {
            // serialization failure, deadlock, lock not available, statement timeout
            "40001" | "40P01" | "55P03" | "57014" => Kind::Locked,
            // shutdown, crash, cannot connect now, too many connections, and the class of connection errors
            "57P01" | "57P02" | "57P03" | "53300" => Kind::Unreachable,
            // connection errors, and a user or password that is not taken: another one may come
            _ if code.starts_with("08") || code.starts_with(LOGIN_REFUSED) => Kind::Unreachable,
            _ => Kind::Other,
        };
    }
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        // SQLITE_BUSY, SQLITE_LOCKED
        5 | 6 => Kind::Locked,
        // SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN
        10 | 13 | 14 => Kind::Unreachable,
        _ => Kind::Other,
    }
}
