//! Java's stack, interpreted methods included: asked of the virtual machine by its own interface for tools (JVMTI), as any
//! native method may.
//!
//! A native method's thread may ask. While the machine itself makes a call, its thread may be in the middle of anything:
//! so calls that it makes are passed over.

use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::modules;
use crate::text;

/// Most methods that are looked at.
const MOST: usize = 32;

// Places in the tables of functions.
const VM_GET_ENV: usize = 6;
const JNI_DELETE_LOCAL_REF: usize = 23;
const DEALLOCATE: usize = 46;
const CLASS_SIGNATURE: usize = 47;
const SOURCE_FILE_NAME: usize = 49;
const METHOD_NAME: usize = 63;
const METHOD_CLASS: usize = 64;
const LINE_NUMBER_TABLE: usize = 69;
const STACK_TRACE: usize = 103;
const ADD_CAPABILITIES: usize = 141;

const JNI_VERSION: c_int = 0x0001_0006;
const JVMTI_VERSION: c_int = 0x3001_0200;

/// A pointer to a table of functions, as the machine, a thread and the interface for tools are.
type Object = *const *const usize;

/// The interface for tools, once it is there.
static TOOLS: AtomicUsize = AtomicUsize::new(0);

/// A method that runs, and where it is.
#[derive(Clone, Copy)]
#[repr(C)]
struct Frame {
    method: usize,
    location: i64,
}

/// Where a line begins.
#[repr(C)]
struct Line {
    start: i64,
    number: c_int,
}

/// The function at a place of an object's table, as one of this type.
macro_rules! function {
    ($object:expr, $place:expr, $type:ty) => {
        core::mem::transmute::<usize, $type>((*$object).add($place).read())
    };
}

/// Writes the methods that run in this thread, innermost first: `Leak.make (Leak.java:3)`. Of the machine's own only the
/// innermost. How much was written.
///
/// # Safety
/// `created` is `JNI_GetCreatedJavaVMs`, and the code at `caller` makes a call now.
pub(crate) unsafe fn tell(created: usize, caller: usize, into: &mut [u8]) -> usize {
    type Created = unsafe extern "C" fn(*mut Object, c_int, *mut c_int) -> c_int;
    if created == 0 || !modules::are_apart(created, caller) {
        return 0;
    }
    let (mut vm, mut count) = (core::ptr::null(), 0);
    // SAFETY: the caller's promise; the tables have these functions in every version.
    unsafe {
        let created = core::mem::transmute::<usize, Created>(created);
        if created(&mut vm, 1, &mut count) != 0 || count < 1 {
            return 0;
        }
        let thread = environment(vm, JNI_VERSION);
        if thread.is_null() {
            return 0;
        }
        let mut tools = TOOLS.load(Ordering::Acquire) as Object;
        if tools.is_null() {
            tools = environment(vm, JVMTI_VERSION);
            if !tools.is_null() {
                ask_for_lines(tools);
            }
            TOOLS.store(tools as usize, Ordering::Release);
        }
        if tools.is_null() {
            return 0;
        }
        Asking { tools, thread }.stack(into)
    }
}

/// What a machine has of a kind for this thread; null if the thread is none of Java's.
///
/// # Safety
/// A machine.
unsafe fn environment(vm: Object, version: c_int) -> Object {
    type GetEnv = unsafe extern "C" fn(Object, *mut Object, c_int) -> c_int;
    let mut found = core::ptr::null();
    // SAFETY: the caller's promise.
    unsafe {
        let get = function!(vm, VM_GET_ENV, GetEnv);
        match get(vm, &mut found, version) {
            0 => found,
            _ => core::ptr::null(),
        }
    }
}

/// Asks for what every machine can tell: names of source files, and lines.
///
/// # Safety
/// An interface for tools.
unsafe fn ask_for_lines(tools: Object) {
    type Add = unsafe extern "C" fn(Object, *const [u8; 16]) -> c_int;
    const SOURCE_FILES_AND_LINES: [u8; 16] = [0, 3 << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: the caller's promise; without them no lines are told.
    unsafe { function!(tools, ADD_CAPABILITIES, Add)(tools, &SOURCE_FILES_AND_LINES) };
}

/// A thread that asks.
struct Asking {
    tools: Object,
    thread: Object,
}

impl Asking {
    unsafe fn stack(&self, into: &mut [u8]) -> usize {
        type StackTrace =
            unsafe extern "C" fn(Object, usize, c_int, c_int, *mut Frame, *mut c_int) -> c_int;
        let mut frames = [Frame {
            method: 0,
            location: 0,
        }; MOST];
        let (mut count, mut filled) = (0, 0);
        // SAFETY: room for as many frames; no thread means this one.
        let failed = unsafe {
            let trace = function!(self.tools, STACK_TRACE, StackTrace);
            trace(
                self.tools,
                0,
                0,
                MOST as c_int,
                frames.as_mut_ptr(),
                &mut count,
            )
        };
        if failed != 0 {
            return 0;
        }
        for frame in frames.iter().take(count.max(0) as usize) {
            let Some(rest) = into.get_mut(filled..) else {
                break;
            };
            // SAFETY: a method that runs.
            match unsafe { self.method(*frame, filled == 0, rest) } {
                Some(len) => filled += len,
                None => break,
            }
        }
        filled
    }

    /// One method; 0 for one that is passed over, None if it does not fit.
    unsafe fn method(&self, frame: Frame, innermost: bool, into: &mut [u8]) -> Option<usize> {
        type OfMethod = unsafe extern "C" fn(Object, usize, *mut usize) -> c_int;
        type DeleteRef = unsafe extern "C" fn(Object, usize);
        let mut class = 0;
        // SAFETY: the method runs, so its class is there; the reference is given back.
        unsafe {
            let class_of = function!(self.tools, METHOD_CLASS, OfMethod);
            if class_of(self.tools, frame.method, &mut class) != 0 {
                return Some(0);
            }
            let told = self.told(frame, class, innermost, into);
            function!(self.thread, JNI_DELETE_LOCAL_REF, DeleteRef)(self.thread, class);
            told
        }
    }

    unsafe fn told(
        &self,
        frame: Frame,
        class: usize,
        innermost: bool,
        into: &mut [u8],
    ) -> Option<usize> {
        type Texts = unsafe extern "C" fn(Object, usize, *mut *mut c_char, usize, usize) -> c_int;
        type Text = unsafe extern "C" fn(Object, usize, *mut *mut c_char) -> c_int;
        let mut line = text::Text::<256>::new();
        // SAFETY: the functions fill the pointers or leave them null; each text is given back.
        unsafe {
            let mut signature = core::ptr::null_mut();
            function!(self.tools, CLASS_SIGNATURE, Texts)(self.tools, class, &mut signature, 0, 0);
            let name = bytes(signature);
            let name = name.strip_prefix(b"L").unwrap_or(name);
            let name = name.strip_suffix(b";").unwrap_or(name);
            let own = !is_of_the_machine(name);
            for part in name {
                line.push(&[if *part == b'/' { b'.' } else { *part }]);
            }
            self.give_back(signature.cast());
            if !own && !innermost {
                return Some(0);
            }
            let mut method = core::ptr::null_mut();
            function!(self.tools, METHOD_NAME, Texts)(self.tools, frame.method, &mut method, 0, 0);
            line.push(b".").push(bytes(method));
            self.give_back(method.cast());
            let mut file = core::ptr::null_mut();
            function!(self.tools, SOURCE_FILE_NAME, Text)(self.tools, class, &mut file);
            line.push(b" (").push(bytes(file)).push(b":");
            self.give_back(file.cast());
            line.push_number(self.line(frame)).push(b")\n");
        }
        let line = line.as_bytes();
        into.get_mut(..line.len())?.copy_from_slice(line);
        Some(line.len())
    }

    /// The line of a place in a method; 0 if it is not known.
    unsafe fn line(&self, frame: Frame) -> u64 {
        type Lines = unsafe extern "C" fn(Object, usize, *mut c_int, *mut *mut Line) -> c_int;
        let (mut count, mut table) = (0, core::ptr::null_mut());
        let mut found = 0;
        // SAFETY: the table has as many entries as are told.
        unsafe {
            let lines = function!(self.tools, LINE_NUMBER_TABLE, Lines);
            if lines(self.tools, frame.method, &mut count, &mut table) != 0 {
                return 0;
            }
            let mut latest = -1;
            for index in 0..count.max(0) as usize {
                let line = &*table.add(index);
                if line.start <= frame.location && line.start > latest {
                    latest = line.start;
                    found = line.number.max(0) as u64;
                }
            }
            self.give_back(table.cast());
        }
        found
    }

    unsafe fn give_back(&self, memory: *mut c_void) {
        type Deallocate = unsafe extern "C" fn(Object, *mut c_void) -> c_int;
        if !memory.is_null() {
            // SAFETY: memory that the interface has given.
            unsafe { function!(self.tools, DEALLOCATE, Deallocate)(self.tools, memory) };
        }
    }
}

/// The bytes of a text that may not be there.
///
/// # Safety
/// Null or a C string, which stays as long as what is returned is used.
unsafe fn bytes<'t>(text: *const c_char) -> &'t [u8] {
    if text.is_null() {
        return b"?";
    }
    // SAFETY: the caller's promise.
    unsafe { text::c_bytes(text, 200) }
}

/// Whether a class came with the virtual machine.
fn is_of_the_machine(class: &[u8]) -> bool {
    let packages: [&[u8]; 5] = [b"java/", b"javax/", b"jdk/", b"sun/", b"com/sun/"];
    packages.iter().any(|package| class.starts_with(package))
}
