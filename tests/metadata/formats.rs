//! Databases of other versions, and files that are none.

use std::fs;

use crate::{Sundae, complaint};

fn refused(sundae: &Sundae) -> String {
    let output = sundae.run("stack list");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    complaint(&output)
}

#[test]
fn a_database_of_a_future_version_is_left_alone() {
    let sundae = Sundae::new();
    sundae.said("stack list");
    let path = sundae.home().join("sundae.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let before = fs::read(&path).unwrap();
    let said = refused(&sundae);
    let expected = format!(
        "error: the database {} was written by a newer version of sundae (its format is 999, this version knows 3)\n\n\
         hint: update sundae, or set SUNDAE_HOME to another folder\n",
        path.display()
    );
    assert_eq!(said, expected);
    assert_eq!(fs::read(&path).unwrap(), before, "it was written to");
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let sundae = Sundae::new();
    let path = sundae.home().join("sundae.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(connection);
    let before = fs::read(&path).unwrap();
    let said = refused(&sundae);
    assert!(said.contains("is not a database of sundae"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), before, "it was written to");
}

#[test]
fn a_damaged_database_is_named() {
    let sundae = Sundae::new();
    sundae.said("stack list");
    let path = sundae.home().join("sundae.db");
    for name in ["sundae.db-wal", "sundae.db-shm"] {
        fs::remove_file(sundae.home().join(name)).ok();
    }
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[200..end].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let said = refused(&sundae);
    assert!(said.contains(&path.display().to_string()), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
