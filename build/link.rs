// How a preloaded object is linked; part of several build scripts.

/// One object shall serve glibc's programs and musl's: it takes a few functions from whichever is there, without
/// naming a library or a symbol version. The libraries that Rust asks the linker for are found, and empty.
pub(crate) fn to_no_c_library(directory: &std::path::Path) -> std::io::Result<()> {
    const EMPTY_ARCHIVE: &[u8] = b"!<arch>\n";
    std::fs::create_dir_all(directory)?;
    for name in ["c", "m", "rt", "pthread", "dl", "util", "gcc_s", "gcc"] {
        std::fs::write(directory.join(format!("lib{name}.a")), EMPTY_ARCHIVE)?;
    }
    println!("cargo::rustc-link-search=native={}", directory.display());
    // For what the last two do see core/src/os/c_library.rs.
    const ARGUMENTS: [&str; 4] = [
        "-nostdlib",
        "-nostartfiles",
        "-Wl,--wrap=pthread_atfork",
        "-Wl,--defsym=__wrap_pthread_atfork=0",
    ];
    for argument in ARGUMENTS {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
    Ok(())
}
