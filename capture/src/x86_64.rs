//! The instructions of the entry points on x86-64. `r11` holds no argument, and a function may overwrite it.

/// Calls `$function` with all argument registers kept; the result is in r11. At entry the stack is eight bytes off its
/// alignment: seven pushes set it right.
#[doc(hidden)]
#[macro_export]
macro_rules! asking {
    ($function:literal) => {
        concat!(
            "push rax
        push rdi
        push rsi
        push rdx
        push rcx
        push r8
        push r9
        call ",
            $function,
            "
        mov r11, rax
        pop r9
        pop r8
        pop rcx
        pop rdx
        pop rsi
        pop rdi
        pop rax"
        )
    };
}

/// Jumps to the next definition; the first time, finds it with all arguments kept.
#[doc(hidden)]
#[macro_export]
macro_rules! go_on {
    () => {
        concat!(
            "mov r11, qword ptr [rip + {next}]
        test r11, r11
        jnz 9f
        ",
            $crate::asking!("{find}"),
            "
    9:
        jmp r11"
        )
    };
}

/// The instructions of dlopen.
#[doc(hidden)]
#[macro_export]
macro_rules! dlopen_instructions {
    () => {
        concat!(
            "endbr64\n",
            "and esi, {keep}\n",
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
            "endbr64\n",
            "and edx, {keep}\n",
            "cmp rdi, -1\n", // LM_ID_NEWLM
            "jne 2f\n",
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
        $crate::by_handle_instructions!("rdx")
    };
    (fourth) => {
        $crate::by_handle_instructions!("rcx")
    };
    ($captured:literal) => {
        concat!(
            "endbr64\n",
            "lea r11, [rdi + 1]\n",
            "cmp r11, 1\n",
            "jbe 2f\n",
            concat!("lea ", $captured, ", [rip + {captured}]\n"),
            "jmp {by_handle}\n",
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
            "endbr64\n",
            "cmp rdi, {most}\n",
            "jae 2f\n",
            "lea r11, [rip + {numbers}]\n",
            "bt qword ptr [r11], rdi\n",
            "jnc 2f\n",
            "push rbp\n",
            ".cfi_adjust_cfa_offset 8\n",
            "push qword ptr [rsp + 8]\n", // the return address
            ".cfi_adjust_cfa_offset 8\n",
            "push qword ptr [rsp + 24]\n", // the sixth argument of the call
            ".cfi_adjust_cfa_offset 8\n",
            "call {by_number}\n",
            "add rsp, 24\n",
            ".cfi_adjust_cfa_offset -24\n",
            "ret\n",
            "2:\n",
            $crate::go_on!(),
            "\n",
            ".cfi_endproc\n",
        )
    };
}
