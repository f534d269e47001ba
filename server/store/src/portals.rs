//! The portals that share this database, and in whose hands a run is.
//!
//! Each portal has a row from its start to its end, under an id that is made anew at each start, and counts up its beats in it. A portal
//! whose beats stand still for as long as another one has looked on is buried: its row is removed, if it still has the beats that were
//! seen. Only runs whose portal has no row may be taken over, by compare-and-set on the run. No clock of any machine is compared with
//! another one's: who looks on measures by a clock of their own how long the same number stood there.
//!
//! A portal that comes back after it was buried finds no row. What it still wants to write about its runs is refused, because their
//! owner is another one or will be ([`StoreError::NotOurs`]); it joins again under another id.
//!
//! SQLite has one portal: its file is locked by whoever has joined.

use std::{
    fs::{File, TryLockError},
    sync::{MutexGuard, PoisonError},
};

use windfirm_model::{id::PortalId, view::run::RunEvent};
use windfirm_policy::{Permit, act::SuperviseRuns};

use crate::{
    db::{Db, Store},
    error::StoreError,
    ingest::insert_events,
    runs::supervise::target_run,
    values,
};

/// As which portal a store writes. Without one it writes what is nobody's: that is how tests and tools look at a database.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    portal: Option<PortalId>,
    /// The lock beside a SQLite file.
    lock: Option<File>,
}

/// A portal, and how often it has renewed its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    pub portal: PortalId,
    pub beats: i64,
}

// Who starts again in the same state folder is the same portal to its runs: they are never without one, so nobody else takes them.
const TAKE_HOME: &str = "
update runs set owner = $1, version = version + 1
where live and owner in (select p.id from portals p where p.home = $2 or $3)";

const LEAVE_HOME: &str = "delete from portals where home = $1 or $2";

const JOIN: &str = "insert into portals (id, home, beats, joined_us) values ($1, $2, 0, $3)";

const BEAT: &str = "update portals set beats = beats + 1 where id = $1";

const ALL: &str = "select id, beats from portals order by id";

const BURY: &str = "delete from portals where id = $1 and beats = $2";

// The runs on its own machine go on without it, and nobody else reaches them: it keeps them until another portal, if there is one, buries it.
const LEAVE: &str = "
delete from portals where id = $1 and not exists (select 1 from runs r where r.live and r.owner = $1 and r.cluster = '')";

// They are nobody's then: whoever takes them has nothing to tell of a portal that is gone.
const GIVE_BACK: &str = "update runs set owner = null, version = version + 1 where live and owner = $1";

const TAKE_OVER: &str = "
update runs set owner = $1, version = version + 1
where id = $2 and version = $3 and live and (owner is null or not exists (select 1 from portals p where p.id = runs.owner))";

const ADD_KEY: &str = "insert into shared_keys (name, bytes) values ($1, $2) on conflict (name) do nothing";

const KEY: &str = "select bytes from shared_keys where name = $1";

row! {
    struct BeatRow { id: uuid::Uuid, beats: i64 }
}

impl Store {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The portal that this store writes as.
    #[must_use]
    pub fn portal(&self) -> Option<PortalId> {
        self.standing().portal
    }

    pub(crate) fn forget_standing(&self) {
        *self.standing() = Standing::default();
    }

    /// Whether other portals may work on the same database.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self.db(), Db::Postgres { .. })
    }

    /// From here on this store writes as that portal. What a portal with the same state folder had in its hands is in this one's now: two
    /// with one folder cannot live at the same time, which is for the caller to see to.
    ///
    /// # Errors
    /// [`StoreError::TwoPortals`]; else the database's.
    pub async fn join(&self, _permit: &Permit<SuperviseRuns>, portal: PortalId, home: &str) -> Result<(), StoreError> {
        self.lock_file()?;
        let now = self.now();
        let alone = !self.is_shared();
        let mut tx = self.begin().await?;
        execute!(&mut tx, TAKE_HOME, portal.0, values::plain(home), alone)?;
        execute!(&mut tx, LEAVE_HOME, values::plain(home), alone)?;
        execute!(&mut tx, JOIN, portal.0, values::plain(home), now.0)?;
        tx.commit().await?;
        self.standing().portal = Some(portal);
        Ok(())
    }

    /// Locks a SQLite file for this portal, until the store is closed or the process ends, however it ends.
    fn lock_file(&self) -> Result<(), StoreError> {
        let Db::Sqlite { writer, .. } = self.db() else { return Ok(()) };
        let mut standing = self.standing();
        if standing.lock.is_some() {
            return Ok(());
        }
        let database = writer.connect_options().get_filename().to_owned();
        let mut name = database.clone().into_os_string();
        name.push("-portal");
        let mut options = File::options();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let unreachable = |error: std::io::Error| StoreError::Unreachable(format!("{}: {error}", database.display()));
        let file = options.open(&name).map_err(unreachable)?;
        match file.try_lock() {
            Ok(()) => {
                standing.lock = Some(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(StoreError::TwoPortals(database.display().to_string())),
            Err(TryLockError::Error(error)) => Err(unreachable(error)),
        }
    }

    /// Renews the row of this portal; the answer is all rows, the oldest portal first. `None`: it was buried, or has never joined.
    ///
    /// # Errors
    /// The database's.
    pub async fn beat(&self, _permit: &Permit<SuperviseRuns>) -> Result<Option<Vec<Beat>>, StoreError> {
        let Some(portal) = self.portal() else { return Ok(None) };
        let mut tx = self.begin().await?;
        let touched = execute!(&mut tx, BEAT, portal.0)?;
        tx.commit().await?;
        if touched == 0 {
            return Ok(None);
        }
        let rows = fetch_all!(self, BeatRow, ALL)?;
        Ok(Some(rows.into_iter().map(|row| Beat { portal: PortalId(row.id), beats: row.beats }).collect()))
    }

    /// Removes the row of a portal whose beats stand still. False: they do not.
    ///
    /// # Errors
    /// The database's.
    pub async fn bury(&self, _permit: &Permit<SuperviseRuns>, seen: Beat) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let touched = execute!(&mut tx, BURY, seen.portal.0, seen.beats)?;
        tx.commit().await?;
        Ok(touched == 1)
    }

    /// Removes the row of this portal, which ends: others take its runs over at once. Not while runs go on at its own machine. From here on
    /// this store writes as no portal.
    ///
    /// # Errors
    /// The database's.
    pub async fn leave(&self, _permit: &Permit<SuperviseRuns>) -> Result<(), StoreError> {
        let Some(portal) = self.portal() else { return Ok(()) };
        let mut tx = self.begin().await?;
        if execute!(&mut tx, LEAVE, portal.0)? == 1 {
            execute!(&mut tx, GIVE_BACK, portal.0)?;
        }
        tx.commit().await?;
        self.forget_standing();
        Ok(())
    }

    /// Takes the run that stands in the permit over, if the portal that had it is no more; returns the run's new version.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when its portal lives, or somebody was faster; [`StoreError::NoTarget`]; else the database's.
    pub async fn take_over(&self, permit: &Permit<SuperviseRuns>, version: i64, events: &[RunEvent]) -> Result<i64, StoreError> {
        let run = target_run(permit)?;
        let portal = self.portal().ok_or(StoreError::NoTarget("portal, because this one has not joined"))?;
        let mut tx = self.begin().await?;
        if execute!(&mut tx, TAKE_OVER, portal.0, run.0, version)? != 1 {
            return Err(StoreError::Moved);
        }
        insert_events(&mut tx, run, events).await?;
        tx.commit().await?;
        Ok(version + 1)
    }

    /// Bytes that all portals of this database share under a name: those that are there, else these.
    ///
    /// # Errors
    /// The database's.
    pub async fn shared_key(&self, name: &str, fresh: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        let mut tx = self.begin().await?;
        execute!(&mut tx, ADD_KEY, name, fresh.as_slice())?;
        let (bytes,) = tx_optional!(&mut tx, (Vec<u8>,), KEY, name)?.ok_or(StoreError::NoSuch("key"))?;
        tx.commit().await?;
        Ok(bytes)
    }
}
