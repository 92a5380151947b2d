//! Opening a library. Nobody else does, and nothing else in this crate is `unsafe`.

#![expect(unsafe_code, reason = "the one place where code of others is brought into this process")]

use std::fs::File;
use std::mem::ManuallyDrop;
use std::path::Path;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use sundae_plugin_api::abi::{ROOT_SYMBOL, Root};

use super::image::GlibcVersion;

/// Loads the library that the open file is, and finds its root.
///
/// What is loaded is the file that is open, not what may have come to its path since: the dynamic linker is given the
/// descriptor. The library stays loaded until the process ends, and so does the descriptor: the linker knows libraries by
/// their names, and a later file with the same number would be taken for this one.
///
/// # Errors
/// What the dynamic linker says, with the file's name in place of the descriptor's.
pub(super) fn load(file: File, path: &Path) -> Result<&'static Root, String> {
    let name = descriptor_path(&file, path);
    let named = |error: libloading::Error| {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = cause.to_string();
            source = cause.source();
        }
        text.replace(&name, &path.display().to_string())
    };
    // SAFETY: loading runs the library's constructors, which may do anything; that they end well was seen in a process of
    // its own, with these very bytes, before this one is trusted to them (`probe`).
    let library = unsafe { Library::open(Some(&name), RTLD_NOW | RTLD_LOCAL) };
    let library = ManuallyDrop::new(library.map_err(named)?);
    std::mem::forget(file);
    // SAFETY: the symbol's name is ours, and a library that carries our identity and exports it means a `Root`; its header
    // is checked before anything else in it is used (`abi::connect`). The library is never unloaded, so it is `'static`.
    let root = unsafe { library.get::<*const Root>(ROOT_SYMBOL).map(|symbol| symbol.as_raw_ptr()) };
    let root =
        root.map_err(|_| "it has an identity, but no root to call (SUNDAE_PLUGIN)".to_owned())?;
    // SAFETY: as above; the dynamic linker does not return null for a symbol that it has found.
    unsafe { root.cast::<Root>().as_ref() }.ok_or_else(|| "its root is null".to_owned())
}

/// A name by which the dynamic linker opens the descriptor; the file's own where there is no such thing.
#[cfg(target_os = "linux")]
fn descriptor_path(file: &File, path: &Path) -> String {
    use std::os::fd::AsRawFd;
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    if Path::new(&name).exists() { name } else { path.display().to_string() }
}

#[cfg(not(target_os = "linux"))]
fn descriptor_path(_: &File, path: &Path) -> String {
    path.display().to_string()
}

/// The version of the GNU C library in this process.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn glibc_version() -> Option<GlibcVersion> {
    use std::ffi::{CStr, c_char};
    unsafe extern "C" {
        safe fn gnu_get_libc_version() -> *const c_char;
    }
    // SAFETY: the function returns a pointer to a constant, zero-terminated text.
    let text = unsafe { CStr::from_ptr(gnu_get_libc_version()) };
    GlibcVersion::parse(text.to_str().ok()?)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn glibc_version() -> Option<GlibcVersion> {
    None
}
