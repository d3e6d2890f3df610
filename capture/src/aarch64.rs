//! The instructions of the entry points on aarch64. `x16` and `x17` hold no argument: the linker itself uses them between
//! functions.

/// Calls `$function` with all argument registers kept; the result is in x16.
#[doc(hidden)]
#[macro_export]
macro_rules! asking {
    ($function:literal) => {
        concat!(
            "stp x29, x30, [sp, #-80]!
        mov x29, sp
        stp x0, x1, [sp, #16]
        stp x2, x3, [sp, #32]
        stp x4, x5, [sp, #48]
        stp x6, x7, [sp, #64]
        bl ",
            $function,
            "
        mov x16, x0
        ldp x0, x1, [sp, #16]
        ldp x2, x3, [sp, #32]
        ldp x4, x5, [sp, #48]
        ldp x6, x7, [sp, #64]
        ldp x29, x30, [sp], #80"
        )
    };
}

/// Jumps to the next definition; the first time, finds it with all arguments kept.
#[doc(hidden)]
#[macro_export]
macro_rules! go_on {
    () => {
        concat!(
            "adrp x16, {next}
        ldr x16, [x16, :lo12:{next}]
        cbnz x16, 9f
        ",
            $crate::asking!("{find}"),
            "
    9:
        br x16"
        )
    };
}

/// The instructions of dlopen.
#[doc(hidden)]
#[macro_export]
macro_rules! dlopen_instructions {
    () => {
        concat!(
            "hint #34\n",
            "and w1, w1, {keep}\n",
            $crate::asking!("{note}"),
            "\n",
            $crate::go_on!(),
        )
    };
}

/// The instructions of dlmopen.
#[doc(hidden)]
#[macro_export]
macro_rules! dlmopen_instructions {
    () => {
        concat!(
            "hint #34\n",
            "and w2, w2, {keep}\n",
            "cmn x0, #1\n", // LM_ID_NEWLM
            "b.ne 2f\n",
            $crate::asking!("{note}"),
            "\n",
            "2:\n",
            $crate::go_on!(),
        )
    };
}

/// The instructions of dlsym and dlvsym: what the object stands in for is one argument more, the third or the fourth.
#[doc(hidden)]
#[macro_export]
macro_rules! by_handle_instructions {
    (third) => {
        $crate::by_handle_instructions!("x2")
    };
    (fourth) => {
        $crate::by_handle_instructions!("x3")
    };
    ($captured:literal) => {
        concat!(
            "hint #34\n",
            "add x16, x0, #1\n",
            "cmp x16, #1\n",
            "b.ls 2f\n",
            concat!("adrp ", $captured, ", {captured}\n"),
            concat!("add ", $captured, ", ", $captured, ", :lo12:{captured}\n"),
            "b {by_handle}\n",
            "2:\n",
            $crate::go_on!(),
        )
    };
}

/// The instructions of syscall.
#[doc(hidden)]
#[macro_export]
macro_rules! syscall_instructions {
    () => {
        concat!(
            ".cfi_startproc\n",
            "hint #34\n",
            "cmp x0, {most}\n",
            "b.hs 2f\n",
            "adrp x16, {numbers}\n",
            "add x16, x16, :lo12:{numbers}\n",
            "lsr x17, x0, #6\n",
            "ldr x16, [x16, x17, lsl #3]\n",
            "lsr x16, x16, x0\n", // by the lowest six bits of the number
            "tbz x16, #0, 2f\n",
            "mov x7, x30\n",
            "stp x29, x30, [sp, #-16]!\n",
            ".cfi_def_cfa_offset 16\n",
            ".cfi_offset x29, -16\n",
            ".cfi_offset x30, -8\n",
            "str x29, [sp, #-16]!\n",
            ".cfi_def_cfa_offset 32\n",
            "add x29, sp, #16\n",
            "bl {by_number}\n",
            "add sp, sp, #16\n",
            ".cfi_def_cfa_offset 16\n",
            "ldp x29, x30, [sp], #16\n",
            ".cfi_restore x29\n",
            ".cfi_restore x30\n",
            ".cfi_def_cfa_offset 0\n",
            "ret\n",
            "2:\n",
            $crate::go_on!(),
            "\n",
            ".cfi_endproc\n",
        )
    };
}
