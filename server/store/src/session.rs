//! Sessions: rows behind the cookie. The id is kept as its SHA-256 only, so that a copy of the database opens no session.
//!
//! [`SessionRows`] is the store of tower-sessions. It works before anybody is known, so it takes neither access nor permit;
//! the list of one's own sessions and ending them do.
//!
//! What is in a session is sealed with the id, so that a copy of the database tells nothing of it either (see [`seal`]).
//!
//! A row outlives the idle limit, which is judged when somebody comes with its cookie. Where nobody comes, the row opens nothing
//! any more: it is not listed, and it goes with the next cleaning.

mod seal;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error as SessionError, Result as SessionResult},
};
use windfirm_model::{
    clock::Timestamp,
    session::{IDLE_LIMIT_S, LOGIN_KEY, Login},
    view::frame::SessionRow,
};
use windfirm_policy::{
    Access, Permit,
    act::{CleanSessions, EndSession},
};

use crate::{
    db::Store,
    error::StoreError,
    login,
    values::{self, Doc},
};

const TABLE: &str = "sessions";

/// Characters of the handle: enough to name a session, useless for opening it.
const HANDLE_BYTES: usize = 12;

const CREATE: &str = "
insert into sessions (id_sha256, handle, data, expires_us, created_us, seen_us, person_key, began_us, ends_us, client)
values ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9)
on conflict do nothing";

// Never an insert: a request that was under way when the session was ended must not bring it back.
const SAVE: &str = "
update sessions set data = $1, expires_us = $2, seen_us = $3, person_key = $4, began_us = $5, ends_us = $6, client = $7
where id_sha256 = $8";

const LOAD: &str = "select data, expires_us from sessions where id_sha256 = $1 and expires_us > $2";

const DELETE: &str = "delete from sessions where id_sha256 = $1";

const OWN: &str = "
select handle, id_sha256, began_us, seen_us, ends_us, expires_us, client from sessions
where person_key = $1 and expires_us > $2 and ends_us > $2 and seen_us > $3 order by seen_us desc, handle";

const END_OWN: &str = "delete from sessions where person_key = $1 and handle = $2";

const CLEAN: &str = "delete from sessions where expires_us <= $1 or ends_us <= $1 or seen_us <= $2";

row! {
    struct LoadedRow { data: Doc, expires_us: i64 }
}

row! {
    struct OwnRow {
        handle: String,
        id_sha256: Vec<u8>,
        began_us: Option<i64>,
        seen_us: i64,
        ends_us: Option<i64>,
        expires_us: i64,
        client: Option<String>,
    }
}

/// The session store of tower-sessions, over [`Store`].
#[derive(Clone, Debug)]
pub struct SessionRows(pub Store);

/// What the columns beside the data say of a session: whose it is.
#[derive(Default)]
struct Person {
    key: Option<String>,
    began_us: Option<i64>,
    ends_us: Option<i64>,
    client: Option<String>,
}

impl Person {
    fn of(record: &Record) -> Self {
        let Some(login) = record.data.get(LOGIN_KEY).and_then(|value| serde_json::from_value::<Login>(value.clone()).ok()) else { return Self::default() };
        Self {
            key: Some(values::plain(&login.person.to_string())),
            began_us: Some(login.began.0),
            ends_us: Some(login.absolute_end.0),
            client: Some(values::plain(&login.client)),
        }
    }
}

/// A session that was last used at this moment or before has ended.
fn idle_since(now: Timestamp) -> Timestamp {
    now.plus_seconds(-IDLE_LIMIT_S)
}

fn hash(id: &Id) -> Vec<u8> {
    Sha256::digest(id.0.to_le_bytes()).to_vec()
}

fn sealed(record: &Record) -> Result<Doc, StoreError> {
    let content = serde_json::to_vec(&record.data).map_err(|error| StoreError::unreadable(TABLE, error))?;
    values::doc(TABLE, &seal::seal(&record.id, content)?)
}

fn handle(hash: &[u8]) -> String {
    values::hex(hash.get(..HANDLE_BYTES).unwrap_or(hash))
}

fn micros(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

fn backend(error: StoreError) -> SessionError {
    SessionError::Backend(error.to_string())
}

impl SessionRows {
    async fn try_create(&self, record: &mut Record) -> Result<(), StoreError> {
        let now = self.0.now();
        let person = Person::of(record);
        loop {
            let id = hash(&record.id);
            let data = sealed(record)?;
            let mut tx = self.0.begin().await?;
            let added = execute!(
                &mut tx,
                CREATE,
                &id,
                handle(&id),
                &data,
                micros(record.expiry_date),
                now.0,
                &person.key,
                person.began_us,
                person.ends_us,
                &person.client,
            )?;
            if added == 1 {
                return tx.commit().await;
            }
            record.id = Id::default();
        }
    }

    async fn try_save(&self, record: &Record) -> Result<(), StoreError> {
        let now = self.0.now();
        let person = Person::of(record);
        let data = sealed(record)?;
        let mut tx = self.0.begin().await?;
        execute!(&mut tx, SAVE, &data, micros(record.expiry_date), now.0, &person.key, person.began_us, person.ends_us, &person.client, hash(&record.id),)?;
        tx.commit().await
    }

    async fn try_load(&self, id: &Id) -> Result<Option<Record>, StoreError> {
        let now = self.0.now();
        let Some(row) = fetch_optional!(self.0, LoadedRow, LOAD, hash(id), now.0)? else { return Ok(None) };
        let expiry_date =
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.expires_us) * 1_000).map_err(|error| StoreError::unreadable(TABLE, error))?;
        // What cannot be opened was stored before contents were sealed: its person logs in once more.
        let Some(content) = row.data.0.as_str().and_then(|sealed| seal::open(id, sealed)) else { return Ok(None) };
        let data = serde_json::from_slice(&content).map_err(|error| StoreError::unreadable(TABLE, error))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn try_delete(&self, id: &Id) -> Result<(), StoreError> {
        let mut tx = self.0.begin().await?;
        execute!(&mut tx, DELETE, hash(id))?;
        tx.commit().await
    }
}

#[async_trait]
impl SessionStore for SessionRows {
    async fn create(&self, record: &mut Record) -> SessionResult<()> {
        self.try_create(record).await.map_err(backend)
    }
    async fn save(&self, record: &Record) -> SessionResult<()> {
        self.try_save(record).await.map_err(backend)
    }
    async fn load(&self, id: &Id) -> SessionResult<Option<Record>> {
        self.try_load(id).await.map_err(backend)
    }
    async fn delete(&self, id: &Id) -> SessionResult<()> {
        self.try_delete(id).await.map_err(backend)
    }
}

impl Store {
    /// The sessions of the asker, the one in use last first; `current` is the id of the one that asks.
    ///
    /// # Errors
    /// The database's.
    pub async fn own_sessions(&self, access: &Access, current: Option<Id>) -> Result<Vec<SessionRow>, StoreError> {
        let current = current.map(|id| hash(&id));
        let now = self.now();
        let rows = fetch_all!(self, OwnRow, OWN, values::plain(&access.actor().key()), now.0, idle_since(now).0)?;
        let read = |row: OwnRow| SessionRow {
            current: current.as_ref() == Some(&row.id_sha256),
            handle: row.handle,
            began: Timestamp(row.began_us.unwrap_or(row.seen_us)),
            last_seen: Timestamp(row.seen_us),
            ends: Timestamp(row.ends_us.map_or(row.expires_us, |ends| ends.min(row.expires_us))),
            client: row.client.unwrap_or_default(),
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Ends one session of the permit's actor by its handle; false when they have none of that handle.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_own_session(&self, permit: &Permit<EndSession>, handle: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let ended = execute!(&mut tx, END_OWN, values::plain(&permit.actor().key()), values::plain(handle))?;
        tx.commit().await?;
        Ok(ended > 0)
    }

    /// Removes sessions and logins that have run out; returns how many rows went.
    ///
    /// # Errors
    /// The database's.
    pub async fn delete_expired(&self, _permit: &Permit<CleanSessions>) -> Result<u64, StoreError> {
        let now = self.now();
        let mut tx = self.begin().await?;
        let sessions = execute!(&mut tx, CLEAN, now.0, idle_since(now).0)?;
        let logins = execute!(&mut tx, login::CLEAN, now.0)?;
        tx.commit().await?;
        Ok(sessions + logins)
    }
}
