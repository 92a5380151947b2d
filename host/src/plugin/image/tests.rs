//! The reader and all that may stand in a file whose name ends in `.so`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::{GlibcVersion, Image, Unreadable, open, read, read_data};

/// The local artifact store, as cargo has built it for these tests.
static LIBRARY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    fs::read(folder.join("libsundae_local_artifact_store.so")).unwrap()
});

fn read_bytes(bytes: &[u8]) -> Result<Image, Unreadable> {
    read_data(bytes, bytes.len() as u64)
}

/// Through a file, as in earnest.
fn read_file(bytes: &[u8]) -> Result<Image, Unreadable> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.so");
    fs::write(&path, bytes).unwrap();
    let (file, metadata) = open(&path)?;
    read(file, metadata.len())
}

/// The library with a few bytes at that place made others.
fn patched(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut library = LIBRARY.clone();
    library[offset..offset + bytes.len()].copy_from_slice(bytes);
    library
}

fn position(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).unwrap()
}

fn number(offset: usize) -> usize {
    u64::from_le_bytes(LIBRARY[offset..offset + 8].try_into().unwrap()).try_into().unwrap()
}

/// Where the header of the first segment of that type is: 2 is the dynamic section, 4 are the notes.
fn header_of_segment(segment_type: u8) -> usize {
    (0..).map(|index| number(32) + index * 56).find(|at| LIBRARY[*at] == segment_type).unwrap()
}

fn offset_of_segment(segment_type: u8) -> usize {
    number(header_of_segment(segment_type) + 8)
}

#[test]
fn a_library_tells_what_it_is() {
    let image = read_file(&LIBRARY).unwrap();
    assert_eq!(image.identity.name, "local-artifact-store");
    assert_eq!(image.identity.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(image.identity.license, "Apache-2.0");
    assert_eq!(image.identity.panic, "unwind");
    let flavor = &image.identity.flavors[0];
    assert_eq!(flavor.full_name(), "artifact-store/local");
    assert_eq!(flavor.interfaces, ["artifact-store/1"]);
    assert_eq!(flavor.config.fields[0].name, "path");
    if cfg!(target_env = "gnu") {
        assert!(image.glibc.unwrap() >= GlibcVersion(2, 17), "{:?}", image.glibc);
    }
    assert_eq!(image, read_bytes(&LIBRARY).unwrap());
}

#[test]
fn versions_compare_by_number() {
    let version = |text| GlibcVersion::parse(text).unwrap();
    assert!(version("2.9") < version("2.34"));
    assert_eq!(version("2.2.5").to_string(), "2.2");
    assert_eq!(GlibcVersion::parse("PRIVATE"), None);
}

#[test]
fn what_is_no_library_is_told_apart() {
    let elf_of = |class: u8, machine: u8| {
        let mut bytes = LIBRARY[..4096].to_vec();
        (bytes[4], bytes[18]) = (class, machine);
        bytes
    };
    for (bytes, sentence) in [
        (b"".to_vec(), "it is not a shared library"),
        (b"just a text\n".to_vec(), "it is not a shared library"),
        (b"\x7fELF".to_vec(), "it is not a shared library"),
        (b"MZ\x90\0".to_vec(), "it is a library for Windows"),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01".repeat(9), "it is a library for macOS"),
        (b"\0asm\x01\0\0\0".to_vec(), "it is a library for WebAssembly"),
        (elf_of(1, 3), "it is built for a 32-bit machine, and this machine is x86_64"),
        (elf_of(2, 183), "it is built for aarch64, and this machine is x86_64"),
        (elf_of(2, 250), "it is built for another machine, and this machine is x86_64"),
        (patched(16, &[2]), "it is not a shared library"),
    ] {
        let error = read_file(&bytes).unwrap_err();
        let ours = std::env::consts::ARCH;
        assert_eq!(error.to_string(), sentence.replace("x86_64", ours));
        assert_eq!(read_bytes(&bytes).unwrap_err(), error);
    }
}

#[test]
fn a_library_that_ends_too_early_is_truncated_wherever_it_ends() {
    let length = LIBRARY.len();
    let sections = number(40) as u64;
    for end in [length - 1, length / 2, 9000, 8192, 700, 100, 64, 63, 20] {
        let error = read_file(&LIBRARY[..end]).unwrap_err();
        let Unreadable::Truncated { needed, found } = error else { panic!("{end}: {error}") };
        assert_eq!(found, end as u64);
        assert!(needed > found && needed <= length as u64, "{end}: {needed}");
        if end > 700 {
            assert!(needed > sections, "the table of sections is the last that there is");
        }
    }
}

#[test]
fn a_library_without_identity_is_no_plugin() {
    let foreign = patched(position(&LIBRARY, b"Sundae\0"), b"Monday\0");
    assert_eq!(read_file(&foreign).unwrap_err(), Unreadable::NoIdentity);
}

#[test]
fn an_identity_that_makes_no_sense_is_told() {
    let place = position(&LIBRARY, br#"{"name":"local-artifact-store"#);
    for (bytes, sentence) in [
        (&br#"["name""#[..], "its identity cannot be read: expected `,` or `]`"),
        (br#"{"nome":"#, "its identity cannot be read: missing field `name`"),
        (br#"{"name":"lo\al"#, "its identity cannot be read: invalid escape"),
        (
            br#"{"name":"lo al"#,
            "its identity cannot be read: `lo al-artifact-store` is not a name of a plugin",
        ),
        (&[0xff; 4], "its identity cannot be read: expected value"),
    ] {
        let error = read_file(&patched(place, bytes)).unwrap_err().to_string();
        assert!(error.starts_with(sentence), "{error}");
    }
}

#[test]
fn a_piece_that_is_longer_than_any_of_ours_is_not_read() {
    // The note claims to be 1 GiB long, and the file is long enough for it, without taking any room on the disk.
    let bytes = patched(header_of_segment(4) + 32, &(1_u64 << 30).to_le_bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.so");
    fs::write(&path, bytes).unwrap();
    File::options().write(true).open(&path).unwrap().set_len(2 << 30).unwrap();
    let (file, metadata) = open(&path).unwrap();
    assert_eq!(read(file, metadata.len()).unwrap_err(), Unreadable::NoIdentity);
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe: PathBuf = folder.path().join("pipe.so");
    let node = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, node.0, node.1, 0).unwrap();
    for path in [&pipe, Path::new("/dev/null"), folder.path()] {
        assert_eq!(open(path).unwrap_err(), Unreadable::NotALibrary, "{}", path.display());
    }
    let missing = open(&folder.path().join("missing.so")).unwrap_err().to_string();
    assert!(missing.starts_with("it cannot be read: No such file"), "{missing}");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        drop(read_bytes(&bytes));
        // With the right beginning it gets further.
        let start = &LIBRARY[..bytes.len().min(24)];
        bytes[..start.len()].copy_from_slice(start);
        drop(read_bytes(&bytes));
        drop(read_file(&bytes));
    }

    #[test]
    fn no_damage_to_a_library_makes_the_reader_panic(
        damage in prop::collection::vec((0..6000_usize, any::<u8>()), 1..24),
        in_dynamic in prop::collection::vec((0..448_usize, any::<u8>()), 0..8),
        end in 0..20_000_usize,
    ) {
        let mut bytes = LIBRARY.clone();
        for (offset, byte) in damage {
            bytes[offset] = byte;
        }
        let dynamic = offset_of_segment(2);
        for (offset, byte) in in_dynamic {
            bytes[dynamic + offset] = byte;
        }
        drop(read_bytes(&bytes));
        bytes.truncate(end);
        drop(read_bytes(&bytes));
    }

    #[test]
    fn no_header_makes_the_reader_panic(
        field in 0..64_usize,
        value in prop_oneof![Just(u64::MAX), Just(i64::MAX as u64), Just(0), any::<u64>()],
        entry in 0..11_usize,
    ) {
        for offset in [field, 64 + entry * 56 + field % 56] {
            drop(read_bytes(&patched(offset, &value.to_le_bytes())));
        }
    }
}
