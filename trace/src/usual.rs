//! The usual way of the functions that `shortcuts.rs` exports: by a hook, as with all others.

use crate::frames::Site;
use crate::hooks::{descriptors, memory};
use crate::next::Symbol;
use crate::trampoline::{entered, trampoline};

macro_rules! usual {
    ($($name:ident = $hook:path, $symbol:ident;)*) => {
        mod entered {
            use super::*;

            entered! { $($name = $hook, $symbol;)* }
        }

        $(
            /// # Safety
            /// As the C function of this name demands.
            #[unsafe(naked)]
            pub(crate) unsafe extern "C" fn $name() {
                trampoline!(entered::$name);
            }
        )*
    };
}

usual! {
    mmap = memory::mmap, mmap;
    mmap64 = memory::mmap, mmap64;
    close = descriptors::close, close;
}
