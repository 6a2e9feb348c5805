//! What ails a database that fails: it is full, it cannot be reached, or it has too much to do. None
//! of it is anybody's mistake, all of it passes, and whoever asked may simply ask again.

use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteError;
use std::fmt;
use std::io::ErrorKind;

/// What is the matter, as far as those who wait for it are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is no room left where the data lies. Reading goes on.
    StorageFull,
    /// It cannot be reached, restarts, shuts down, has just become a standby, or cannot read or write
    /// its files.
    Unavailable,
    /// Others are at it, and it took too long to get a turn.
    Busy,
}

impl Trouble {
    /// What ails the database that fails so; `None` where the statement or its data are at fault.
    pub(crate) fn of(error: &sqlx::Error) -> Option<Self> {
        match error {
            sqlx::Error::PoolTimedOut => Some(Self::Busy),
            sqlx::Error::Io(error) => Some(Self::of_file(error).unwrap_or(Self::Unavailable)),
            // What a connection says that is cut off or ended in the middle.
            sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::BeginFailed
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Some(Self::Unavailable),
            sqlx::Error::Database(error) => Self::of_code(&**error),
            _ => None,
        }
    }

    /// What ails the file system that fails so; `None` where it is not for lack of room.
    pub(crate) fn of_file(error: &std::io::Error) -> Option<Self> {
        let is_full = matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
        );
        is_full.then_some(Self::StorageFull)
    }

    /// Whether it is the same for everybody who asks now, and not only for the one who asked.
    pub(crate) const fn is_for_all(self) -> bool {
        matches!(self, Self::StorageFull | Self::Unavailable)
    }

    fn of_code(error: &dyn DatabaseError) -> Option<Self> {
        let code = error.code()?;
        if error.try_downcast_ref::<SqliteError>().is_some() {
            Self::of_sqlite(code.parse().ok()?)
        } else {
            Self::of_postgres(&code)
        }
    }

    /// By SQLite's result code; its lowest byte says what kind of failure it is.
    const fn of_sqlite(code: i32) -> Option<Self> {
        match code & 0xff {
            // SQLITE_FULL
            13 => Some(Self::StorageFull),
            // SQLITE_BUSY, SQLITE_LOCKED
            5 | 6 => Some(Self::Busy),
            // SQLITE_NOMEM, SQLITE_READONLY, SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_PROTOCOL
            7 | 8 | 10 | 14 | 15 => Some(Self::Unavailable),
            _ => None,
        }
    }

    /// By `SQLSTATE` (PostgreSQL, appendix A).
    fn of_postgres(code: &str) -> Option<Self> {
        match code {
            // disk_full
            "53100" => Some(Self::StorageFull),
            // too_many_connections, lock_not_available, query_canceled; and a race that was lost
            // too often.
            "53300" | "55P03" | "57014" | "40001" | "40P01" => Some(Self::Busy),
            // read_only_sql_transaction: what was the primary is a standby now. And a transaction
            // whose connection was ended because nothing came over it.
            "25006" | "25P03" => Some(Self::Unavailable),
            // connection_exception, insufficient_resources, operator_intervention, system_error
            _ => ["08", "53", "57", "58"]
                .iter()
                .any(|class| code.starts_with(class))
                .then_some(Self::Unavailable),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StorageFull => "there is no room left where the data lies",
            Self::Unavailable => "the database cannot be reached or does not work",
            Self::Busy => "the database has too much to do",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_apart_from_a_statement_that_is_wrong() {
        let told = |codes: &[&str]| -> Vec<_> {
            codes.iter().map(|code| Trouble::of_postgres(code)).collect()
        };
        assert_eq!(told(&["53100"]), [Some(Trouble::StorageFull)]);
        for code in ["08006", "08P01", "25006", "53200", "57P01", "57P02", "57P03", "58030"] {
            assert_eq!(told(&[code]), [Some(Trouble::Unavailable)], "{code}");
        }
        assert_eq!(told(&["53300", "40P01"]), [Some(Trouble::Busy); 2]);
        // unique_violation, syntax_error, undefined_table, internal_error
        assert_eq!(told(&["23505", "42601", "42P01", "XX000"]), [None; 4]);
    }

    #[test]
    fn a_code_of_sqlite_counts_by_its_lowest_byte() {
        // SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_SHMSIZE, SQLITE_BUSY_SNAPSHOT,
        // SQLITE_CONSTRAINT_UNIQUE, SQLITE_CORRUPT
        let told = [13, 778, 4874, 517, 2067, 11].map(Trouble::of_sqlite);
        let unavailable = Some(Trouble::Unavailable);
        let expected =
            [Some(Trouble::StorageFull), unavailable, unavailable, Some(Trouble::Busy), None, None];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_connection_that_ends_is_nobodys_mistake() {
        let cut = std::io::Error::from(ErrorKind::UnexpectedEof);
        assert_eq!(Trouble::of(&sqlx::Error::Io(cut)), Some(Trouble::Unavailable));
        let full = std::io::Error::from(ErrorKind::StorageFull);
        assert_eq!(Trouble::of(&sqlx::Error::Io(full)), Some(Trouble::StorageFull));
        assert_eq!(Trouble::of(&sqlx::Error::PoolTimedOut), Some(Trouble::Busy));
        assert_eq!(Trouble::of(&sqlx::Error::RowNotFound), None);
    }
}
