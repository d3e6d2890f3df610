//! The line of a script, told by its interpreter itself: a stack of machine code would only show the interpreter.
//!
//! An interpreter is asked only by a thread of its own, whose state nobody else changes meanwhile, and never while a
//! signal handler's stack is in use. What is asked allocates nothing lasting and takes no lock: Python's function is the one
//! that its fault handler calls.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

use partage_trace_format::payload::SCRIPT_MAX;

use crate::{java, options, outcome, python, signals, sys, text, thread};
use partage_capture::next;

macro_rules! functions {
    ($($name:ident = $text:literal;)*) => {
        /// What is asked of interpreters, found when the program starts.
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types)]
        enum Wanted { $($name,)* }

        const ALL: &[(Wanted, &CStr)] = &[$((Wanted::$name, $text),)*];
        static FOUND: [AtomicUsize; ALL.len()] = [const { AtomicUsize::new(0) }; ALL.len()];
    };
}

functions! {
    python_state = c"PyGILState_GetThisThreadState";
    python_dump = c"_Py_DumpTraceback";
    python_version = c"Py_GetVersion";
    python_line = c"PyFrame_GetLineNumber";
    python_frame_line = c"PyUnstable_InterpreterFrame_GetLine";
    python_runtime = c"_PyRuntime";
    python_code = c"PyCode_Type";
    perl_mess = c"Perl_mess_nocontext";
    perl_text = c"Perl_sv_2pv_flags";
    perl_key = c"PL_thr_key";
    php_file = c"zend_get_executed_filename";
    php_line = c"zend_get_executed_lineno";
    php_thread = c"tsrm_get_ls_cache";
    ruby_file = c"rb_sourcefile";
    ruby_line = c"rb_sourceline";
    ruby_thread = c"ruby_native_thread_p";
    ruby_lock = c"ruby_thread_has_gvl_p";
    java_created = c"JNI_GetCreatedJavaVMs";
}

/// Which interpreter there is: its number, 0 for none.
static INTERPRETER: AtomicUsize = AtomicUsize::new(0);
const PYTHON: usize = 1;
const PERL: usize = 2;
const PHP: usize = 3;
const RUBY: usize = 4;
const JAVA: usize = 5;

/// Looks for an interpreter among what came with the program.
pub(crate) fn look() {
    look_in(false);
}

/// Looks for one among what was loaded later.
pub(crate) fn look_again() {
    look_in(true);
}

fn look_in(late: bool) {
    let names: [(usize, Wanted); 5] = [
        (PYTHON, Wanted::python_state),
        (PERL, Wanted::perl_mess),
        (PHP, Wanted::php_file),
        (RUBY, Wanted::ruby_file),
        (JAVA, Wanted::java_created),
    ];
    if !options::scripts() || INTERPRETER.load(Ordering::Relaxed) != 0 {
        return;
    }
    let there = |(_, wanted): &&(usize, Wanted)| find(*wanted, late) != 0;
    let found = names.iter().find(there);
    if let Some((number, _)) = found {
        for (wanted, _) in ALL {
            find(*wanted, true);
        }
        INTERPRETER.store(*number, Ordering::Release);
    }
    if late || found.is_some() {
        unsafe extern "C" {
            fn dlerror() -> *const c_char;
        }
        // SAFETY: it only gives back the message. What we did not find is no error of the program's.
        unsafe { dlerror() };
    }
}

fn find(wanted: Wanted, late: bool) -> usize {
    let (Some((_, name)), Some(place)) = (ALL.get(wanted as usize), FOUND.get(wanted as usize))
    else {
        return 0;
    };
    let found = if late {
        // SAFETY: the name is NUL-terminated, and the handle one of dlsym's own.
        unsafe { next::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
    } else {
        next::definition(name.to_bytes())
    };
    place.store(found, Ordering::Relaxed);
    found
}

fn address(wanted: Wanted) -> usize {
    FOUND
        .get(wanted as usize)
        .map_or(0, |place| place.load(Ordering::Relaxed))
}

/// The function that was found, as one of this type.
macro_rules! function {
    ($wanted:ident as $type:ty) => {{
        let found = address(Wanted::$wanted);
        if found == 0 {
            return 0;
        }
        // SAFETY: a function of this name has this type, in every version that has it.
        unsafe { core::mem::transmute::<usize, $type>(found) }
    }};
}

/// Whether there is an interpreter.
#[inline(always)]
pub(crate) fn is_there() -> bool {
    INTERPRETER.load(Ordering::Relaxed) != 0
}

/// What the interpreter says about the place of the call that is under way, which the code at `caller` makes: its name, a
/// line feed, its words. Empty if there is none, or it may not be asked now.
pub(crate) fn said(caller: usize, into: &mut [u8; SCRIPT_MAX]) -> &[u8] {
    match INTERPRETER.load(Ordering::Acquire) {
        0 => &[],
        interpreter => ask(interpreter, caller, into),
    }
}

#[cold]
#[inline(never)]
fn ask(interpreter: usize, caller: usize, into: &mut [u8; SCRIPT_MAX]) -> &[u8] {
    let thread = thread::current();
    if thread.is_shared
        || thread.in_vfork_child()
        || thread.resolving.get()
        || signals::is_on_signal_stack()
    {
        return &[];
    }
    let before = outcome::errno();
    // What it calls meanwhile goes straight on.
    thread.resolving.set(true);
    let len = match interpreter {
        PYTHON => after(b"python\n", into, ask_python),
        PERL => after(b"perl\n", into, perl),
        PHP => after(b"php\n", into, php),
        // SAFETY: the function of this name, and the call that is recorded.
        JAVA => after(b"java\n", into, |into| unsafe {
            java::tell(address(Wanted::java_created), caller, into)
        }),
        _ => after(b"ruby\n", into, ruby),
    };
    thread.resolving.set(false);
    // SAFETY: errno's address is valid in every thread.
    unsafe { *libc::errno::location() = before };
    into.get(..len).unwrap_or(&[])
}

/// The name and what `tell` adds; 0 if that is nothing.
fn after(name: &[u8], into: &mut [u8; SCRIPT_MAX], tell: impl FnOnce(&mut [u8]) -> usize) -> usize {
    let (head, rest) = into.split_at_mut(name.len().min(SCRIPT_MAX));
    for (place, byte) in head.iter_mut().zip(name) {
        *place = *byte;
    }
    match tell(rest) {
        0 => 0,
        len => name.len() + len,
    }
}

/// Copies a C string; how much fitted.
///
/// # Safety
/// `text` is null or a C string.
unsafe fn copy(text: *const c_char, into: &mut [u8]) -> usize {
    if text.is_null() {
        return 0;
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { text::c_bytes(text, into.len()) };
    for (place, byte) in into.iter_mut().zip(bytes) {
        *place = *byte;
    }
    bytes.len()
}

/// The whole stack of Python. The thread's own state, with or without the interpreter's lock: around calls that may block
/// Python lets go of it, and still only this thread changes its own frames.
fn ask_python(into: &mut [u8]) -> usize {
    type State = unsafe extern "C" fn() -> *mut c_void;
    type Dump = unsafe extern "C" fn(c_int, *mut c_void);
    let state = function!(python_state as State);
    // SAFETY: it may be asked by any thread, with or without the lock.
    let state = unsafe { state() };
    if state.is_null() {
        return 0;
    }
    if address(Wanted::python_dump) == 0 {
        let way = python::Way::of(&python::Exports {
            version: address(Wanted::python_version),
            line_of_object: address(Wanted::python_line),
            line_of_frame: address(Wanted::python_frame_line),
            runtime: address(Wanted::python_runtime),
            code_type: address(Wanted::python_code),
        });
        // SAFETY: this thread's own state.
        return way.map_or(0, |way| unsafe { way.tell(state.addr(), into) });
    }
    let dump = function!(python_dump as Dump);
    let Ok((from, to)) = sys::pipe() else {
        return 0;
    };
    // SAFETY: an open descriptor, and this thread's state; it writes, and gives up where the pipe is full.
    unsafe { dump(to.number(), state) };
    let mut filled = 0;
    while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(count @ 1..) => filled += count,
            _ => break,
        }
    }
    filled
}

/// The line that Perl would add to a message.
fn perl(into: &mut [u8]) -> usize {
    type Mess = unsafe extern "C" fn(*const c_char, ...) -> *mut c_void;
    type Words =
        unsafe extern "C" fn(*mut c_void, *mut c_void, *mut usize, c_uint) -> *const c_char;
    unsafe extern "C" {
        fn pthread_getspecific(key: c_uint) -> *mut c_void;
    }
    let mess = function!(perl_mess as Mess);
    let words = function!(perl_text as Words);
    let key = address(Wanted::perl_key) as *const c_uint;
    if key.is_null() {
        return 0;
    }
    // SAFETY: the variable of this name, a key that perl has made before it runs anything.
    let interpreter = unsafe { pthread_getspecific(*key) };
    if interpreter.is_null() {
        return 0;
    }
    const GET_MAGIC: c_uint = 2;
    // SAFETY: this thread's own interpreter, in the middle of one of its operations.
    unsafe {
        let message = mess(c"".as_ptr());
        if message.is_null() {
            return 0;
        }
        let text = words(interpreter, message, core::ptr::null_mut(), GET_MAGIC);
        copy(text, into)
    }
}

/// PHP's file and line.
fn php(into: &mut [u8]) -> usize {
    type File = unsafe extern "C" fn() -> *const c_char;
    type Line = unsafe extern "C" fn() -> c_uint;
    type Thread = unsafe extern "C" fn() -> *const c_void;
    let file = function!(php_file as File);
    let line = function!(php_line as Line);
    // With threads each has its own state; without them PHP runs in the first.
    let own = if address(Wanted::php_thread) != 0 {
        let cache = function!(php_thread as Thread);
        // SAFETY: it only reads what belongs to this thread.
        !unsafe { cache() }.is_null()
    } else {
        sys::tid() == sys::pid()
    };
    if !own {
        return 0;
    }
    // SAFETY: this thread runs PHP; both only read.
    let (file, line) = unsafe { (file(), line()) };
    // SAFETY: a C string, of the script or a constant.
    unsafe { place(file, u64::from(line), into) }
}

/// Ruby's file and line, if this thread holds Ruby's lock; `-` while a thread of Ruby's has let go of it.
fn ruby(into: &mut [u8]) -> usize {
    type File = unsafe extern "C" fn() -> *const c_char;
    type Line = unsafe extern "C" fn() -> c_int;
    let file = function!(ruby_file as File);
    let line = function!(ruby_line as Line);
    let thread = function!(ruby_thread as Line);
    let lock = function!(ruby_lock as Line);
    // SAFETY: may be asked by any thread, in this order.
    if unsafe { thread() == 0 } {
        return 0;
    }
    // SAFETY: as above.
    if unsafe { lock() == 0 } {
        let Some(sign) = into.first_mut() else {
            return 0;
        };
        *sign = b'-';
        return 1;
    }
    // SAFETY: a thread of Ruby's that holds its lock; both only read.
    let (file, line) = unsafe { (file(), line()) };
    // SAFETY: null or a C string of the script.
    unsafe { place(file, line.max(0) as u64, into) }
}

/// `file:line`
///
/// # Safety
/// `file` is null or a C string.
unsafe fn place(file: *const c_char, line: u64, into: &mut [u8]) -> usize {
    // SAFETY: the caller's promise.
    let len = unsafe { copy(file, into) };
    // `[no active file]`
    if len == 0 || into.first() == Some(&b'[') {
        return 0;
    }
    let mut tail = text::Text::<24>::new();
    tail.push(b":").push_number(line);
    let tail = tail.as_bytes();
    let Some(room) = into.get_mut(len..len + tail.len()) else {
        return 0;
    };
    room.copy_from_slice(tail);
    len + tail.len()
}
