//! What happens while the library is loaded, before anybody has called anything, and when its process ends.

#![expect(unsafe_code, reason = "a constructor, and a crash of the kind that C libraries have")]
#![expect(clippy::exit, clippy::print_stdout, reason = "what a plugin must not do")]

use std::env::args;
use std::process::{Command, abort, exit};
use std::thread::sleep;
use std::time::Duration;

use crate::order;

#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
static CONSTRUCTOR: extern "C" fn() = constructor;

#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".fini_array"))]
static DESTRUCTOR: extern "C" fn() = destructor;

extern "C" fn constructor() {
    match order() {
        "constructor-crashes" => crash(),
        "constructor-aborts" => abort(),
        "constructor-exits" => exit(0),
        "constructor-exits-with-7" => {
            eprintln_plainly("the licence has run out");
            exit(7);
        }
        // Not a number of seconds: a test that fails must not wait for it either.
        "constructor-hangs" => loop {
            sleep(Duration::from_secs(3600));
        },
        "constructor-panics" => panic!("told to panic in the constructor"),
        "constructor-is-slow" => sleep(Duration::from_millis(300)),
        "constructor-prints" => {
            println!("refused: by a library that speaks for the probe\npassed");
            for _ in 0..20_000 {
                println!("a library that has much to say");
            }
        }
        // A process that leaves the group of the probe, and keeps its streams open. Not in a test, whose streams they are.
        "constructor-leaves-a-process" if args().any(|argument| argument == "probe-plugin") => {
            drop(Command::new("setsid").args(["sleep", "30"]).spawn());
        }
        _ => {}
    }
}

extern "C" fn destructor() {
    if order() == "destructor-crashes" {
        crash();
    }
}

/// A segmentation fault.
fn crash() {
    // SAFETY: none. This is what it is for.
    unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
}

fn eprintln_plainly(text: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stderr(), "{text}"));
}
