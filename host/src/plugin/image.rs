//! Reads what a library file says of itself, without loading it. Nothing in the file is believed: every offset is checked.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use object::elf::{self, FileHeader64};
use object::read::ReadRef;
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _};
use object::{Endianness, FileKind};
use sundae_plugin_api::{Identity, note};

use super::contents::Contents;
use super::identity;

type Header = FileHeader64<Endianness>;
type ProgramHeader = elf::ProgramHeader64<Endianness>;

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// What the plugin says of itself.
    pub identity: Identity,
    /// The newest version of the GNU C library that the dynamic linker will ask for.
    pub glibc: Option<GlibcVersion>,
}

/// A version of the GNU C library, such as 2.34.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlibcVersion(pub u32, pub u32);

impl GlibcVersion {
    /// Reads `2.34` or `2.2.5`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Why a file is not a plugin, or not a whole one. Each is a sentence; [`cure`](Self::cure) says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read at all.
    #[error("it cannot be read: {0}")]
    Io(String),
    /// It is something else.
    #[error("it is not a shared library")]
    NotALibrary,
    /// A library for another kind of system.
    #[error("it is a library for {0}")]
    Foreign(&'static str),
    /// A library for another processor.
    #[error("it is built for {found}, and this machine is {ours}")]
    OtherMachine {
        /// What the file says.
        found: String,
        /// What this host runs on.
        ours: &'static str,
    },
    /// The file ends before it should.
    #[error("it is truncated: its headers need {needed} bytes, and it has {found}")]
    Truncated {
        /// How long the file would have to be.
        needed: u64,
        /// How long it is.
        found: u64,
    },
    /// Its structure does not make sense.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A sound library that says nothing of Sundae.
    #[error("it is a shared library, but no Sundae plugin: it carries no identity")]
    NoIdentity,
    /// The identity is there, and unreadable.
    #[error("its identity cannot be read: {0}")]
    BadIdentity(String),
}

impl Unreadable {
    /// What to do about it.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Io(_) => "check the permissions of the file",
            Self::NotALibrary | Self::NoIdentity => "take it out of the plugin folder",
            Self::Foreign(_) | Self::OtherMachine { .. } => {
                "install the build of the plugin for this machine"
            }
            Self::Truncated { .. } | Self::Damaged(_) => "install the plugin again",
            Self::BadIdentity(_) => "ask its author for a build with a released sundae-plugin-api",
        }
    }
}

/// The longest identity that is read; ours are under 1 KiB.
const LONGEST_IDENTITY: usize = 1 << 20;

/// Opens what may be a library, or anything else that somebody has put there.
///
/// # Errors
/// [`Unreadable`]: it is no file, or cannot be opened.
pub fn open(path: &Path) -> Result<(File, Metadata), Unreadable> {
    let unreadable = |error: std::io::Error| Unreadable::Io(error.to_string());
    // A pipe would wait here for somebody at its other end.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(Unreadable::NotALibrary) }
}

/// Reads a library file of that length.
///
/// # Errors
/// [`Unreadable`], which is as likely to be the file's fault as an attack; neither costs more than a few small reads.
pub fn read(file: File, length: u64) -> Result<Image, Unreadable> {
    let contents = Contents::of(file, length).map_err(|error| Unreadable::Io(error.to_string()))?;
    read_data(&contents, length)
}

fn read_data<'data, R: ReadRef<'data>>(data: R, length: u64) -> Result<Image, Unreadable> {
    check_kind(data, length)?;
    let damaged = |error: object::Error| Unreadable::Damaged(error.to_string());
    let header = Header::parse(data).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    check_machine(header, endian)?;
    let segments = header.program_headers(endian, data);
    let segments = segments.map_err(|_| Unreadable::Truncated {
        needed: header.e_phoff(endian).saturating_add(u64::from(header.e_phnum(endian)) * 56),
        found: length,
    })?;
    check_whole(header, segments, endian, length)?;
    if header.e_type(endian) != elf::ET_DYN {
        return Err(Unreadable::NotALibrary);
    }
    let identity = identity_of(segments, endian, data)?;
    let glibc = needed_glibc(segments, endian, data);
    Ok(Image { identity, glibc })
}

/// Is it an ELF file of 64 bits, like every machine we run on?
fn check_kind<'data, R: ReadRef<'data>>(data: R, length: u64) -> Result<(), Unreadable> {
    let Ok(kind) = FileKind::parse(data) else {
        // Too short for a magic number, or one that `object` was not built to know.
        return Err(foreign(data).unwrap_or(Unreadable::NotALibrary));
    };
    match kind {
        FileKind::Elf64 if length < 64 => Err(Unreadable::Truncated { needed: 64, found: length }),
        FileKind::Elf64 => Ok(()),
        FileKind::Elf32 => Err(Unreadable::OtherMachine {
            found: "a 32-bit machine".to_owned(),
            ours: std::env::consts::ARCH,
        }),
        _ => Err(foreign(data).unwrap_or(Unreadable::NotALibrary)),
    }
}

/// Libraries of other systems, by their magic numbers.
fn foreign<'data, R: ReadRef<'data>>(data: R) -> Option<Unreadable> {
    let magic = data.read_bytes_at(0, 4).ok()?;
    match magic {
        [0xcf | 0xce, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe | 0xbf] => {
            Some(Unreadable::Foreign("macOS"))
        }
        [b'M', b'Z', ..] => Some(Unreadable::Foreign("Windows")),
        [0, b'a', b's', b'm'] => Some(Unreadable::Foreign("WebAssembly")),
        _ => None,
    }
}

fn check_machine(header: &Header, endian: Endianness) -> Result<(), Unreadable> {
    let ours = std::env::consts::ARCH;
    let found = match header.e_machine(endian) {
        elf::EM_X86_64 => "x86_64",
        elf::EM_AARCH64 => "aarch64",
        elf::EM_RISCV => "riscv64",
        elf::EM_S390 => "s390x",
        elf::EM_PPC64 => "powerpc64",
        elf::EM_LOONGARCH => "loongarch64",
        _ => "another machine",
    };
    if found == ours && endian == Endianness::default() {
        return Ok(());
    }
    Err(Unreadable::OtherMachine { found: found.to_owned(), ours })
}

/// Loading a truncated library kills the process (the pages are not there), so the length is checked first.
fn check_whole(
    header: &Header,
    segments: &[ProgramHeader],
    endian: Endianness,
    length: u64,
) -> Result<(), Unreadable> {
    let sections = u64::from(header.e_shnum(endian)) * u64::from(header.e_shentsize(endian));
    let end_of_sections = header.e_shoff(endian).saturating_add(sections);
    let needed = segments
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
        .map(|segment| segment.p_offset(endian).saturating_add(segment.p_filesz(endian)))
        .fold(end_of_sections, u64::max);
    if needed > length { Err(Unreadable::Truncated { needed, found: length }) } else { Ok(()) }
}

fn identity_of<'data, R: ReadRef<'data>>(
    segments: &[ProgramHeader],
    endian: Endianness,
    data: R,
) -> Result<Identity, Unreadable> {
    for segment in segments {
        // Another tool's odd note is none of our business, so faults here mean "not ours".
        let Ok(Some(mut notes)) = segment.notes(endian, data) else { continue };
        while let Ok(Some(found)) = notes.next() {
            let owner = &note::OWNER[..note::OWNER_LENGTH as usize - 1];
            if found.name() != owner || found.n_type(endian).0 != note::NOTE_TYPE {
                continue;
            }
            let text = found.desc();
            if text.len() > LONGEST_IDENTITY {
                return Err(Unreadable::BadIdentity("it is longer than 1 MiB".to_owned()));
            }
            let identity = serde_json::from_slice(text).map_err(|error| error.to_string());
            return identity.and_then(identity::checked).map_err(Unreadable::BadIdentity);
        }
    }
    Err(Unreadable::NoIdentity)
}

/// The newest `GLIBC_x.y` among the versions that the library needs. What cannot be read is left to the dynamic linker.
fn needed_glibc<'data, R: ReadRef<'data>>(
    segments: &[ProgramHeader],
    endian: Endianness,
    data: R,
) -> Option<GlibcVersion> {
    let entries = segments.iter().find_map(|segment| segment.dynamic(endian, data).ok()?)?;
    let value = |tag| {
        let entry = entries.iter().find(|entry| entry.d_tag(endian) == tag)?;
        Some(entry.d_val(endian))
    };
    let needs = file_offset(segments, endian, value(elf::DT_VERNEED)?)?;
    let names = file_offset(segments, endian, value(elf::DT_STRTAB)?)?;
    let length = value(elf::DT_STRSZ)?;
    let mut newest = None;
    let mut need_at = needs;
    for _ in 0..value(elf::DT_VERNEEDNUM)?.min(64) {
        let need = data.read_at::<elf::Verneed<Endianness>>(need_at).ok()?;
        let mut version_at = need_at.checked_add(u64::from(need.vn_aux.get(endian)))?;
        for _ in 0..need.vn_cnt.get(endian).min(256) {
            let version = data.read_at::<elf::Vernaux<Endianness>>(version_at).ok()?;
            let name_at = u64::from(version.vna_name.get(endian));
            if name_at < length {
                let range = names.checked_add(name_at)?..names.checked_add(length)?;
                let name = data.read_bytes_at_until(range, 0).ok()?;
                newest = newest.max(glibc_version(name));
            }
            version_at = version_at.checked_add(u64::from(version.vna_next.get(endian)))?;
        }
        need_at = need_at.checked_add(u64::from(need.vn_next.get(endian)))?;
    }
    newest
}

fn glibc_version(name: &[u8]) -> Option<GlibcVersion> {
    GlibcVersion::parse(std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?)
}

/// Where in the file an address of the loaded library is.
fn file_offset(segments: &[ProgramHeader], endian: Endianness, address: u64) -> Option<u64> {
    let segment = segments.iter().find(|segment| {
        let start = segment.p_vaddr(endian);
        segment.p_type(endian) == elf::PT_LOAD
            && (start..start.saturating_add(segment.p_filesz(endian))).contains(&address)
    })?;
    (address - segment.p_vaddr(endian)).checked_add(segment.p_offset(endian))
}

#[cfg(test)]
mod tests;
