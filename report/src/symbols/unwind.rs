//! Callers from a copied stack, by the unwinding tables of the modules.

use framehop::aarch64::{CacheAarch64, UnwindRegsAarch64, UnwinderAarch64};
use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{FrameAddress, MayAllocateDuringUnwind, Unwinder};
use partage_trace_format::header::Arch;

use super::code::Bytes;
use crate::event::Stack;

type Module = framehop::Module<Bytes>;

/// Most callers of one call.
const MOST: usize = 128;

/// What is known of a frame without its tables.
pub(super) enum Step {
    /// The next return address is at this place above on the stack.
    Over(u64, u64),
    /// A signal's handler returns here: above lies what the kernel saved of the code that was interrupted.
    Interrupted,
}

/// The return addresses of a stack, innermost first, as far as it was copied. Where the tables say nothing of one, `guess` picks
/// the next among the words that lie above on the stack.
pub(super) fn callers(
    arch: Arch,
    modules: Vec<Module>,
    stack: &Stack,
    mut guess: impl FnMut(u64, &mut dyn Iterator<Item = (u64, u64)>) -> Option<Step>,
) -> Vec<u64> {
    match arch {
        Arch::X86_64 => {
            // The call has pushed the return address, and returning pops it.
            let above = stack.stack_pointer.wrapping_add(8);
            let regs = UnwindRegsX86_64::new(stack.return_address, above, stack.frame_pointer);
            let mut cache = CacheX86_64::<MayAllocateDuringUnwind>::new_in();
            let unwinder = UnwinderX86_64::<Bytes, MayAllocateDuringUnwind>::new();
            let step_over = |last, regs: &mut UnwindRegsX86_64| {
                *regs = match guess(last, &mut stack.words_from(regs.sp()))? {
                    Step::Over(at, next) => {
                        UnwindRegsX86_64::new(next, at.wrapping_add(8), regs.bp())
                    }
                    Step::Interrupted => interrupted(stack, regs.sp())?,
                };
                Some(regs.ip())
            };
            walk(unwinder, &mut cache, regs, modules, stack, step_over)
        }
        Arch::Aarch64 => {
            let regs = UnwindRegsAarch64::new(
                stack.return_address,
                stack.stack_pointer,
                stack.frame_pointer,
            );
            let mut cache = CacheAarch64::<MayAllocateDuringUnwind>::new_in();
            let unwinder = UnwinderAarch64::<Bytes, MayAllocateDuringUnwind>::new();
            walk(unwinder, &mut cache, regs, modules, stack, |_, _| None)
        }
    }
}

/// The registers of the code that a signal interrupted, which the kernel saved at `saved` (`ucontext_t`). Its stack may
/// be another one, or too far above to be copied: then it is the last that is known.
fn interrupted(stack: &Stack, saved: u64) -> Option<UnwindRegsX86_64> {
    // In <sys/ucontext.h>: flags, link and the signal stack come before the registers.
    const REGISTERS: u64 = 40;
    const RBP: u64 = 10;
    const RSP: u64 = 15;
    const RIP: u64 = 16;
    let register = |index: u64| stack.word(saved.wrapping_add(REGISTERS + 8 * index));
    // It did not call, but all other addresses are where a call returns to: behind the instruction that is meant.
    let behind = register(RIP)?.wrapping_add(1);
    let (sp, bp) = (register(RSP).unwrap_or(0), register(RBP).unwrap_or(0));
    Some(UnwindRegsX86_64::new(behind, sp, bp))
}

fn walk<U>(
    mut unwinder: U,
    cache: &mut U::Cache,
    mut regs: U::UnwindRegs,
    modules: Vec<Module>,
    stack: &Stack,
    mut step_over: impl FnMut(u64, &mut U::UnwindRegs) -> Option<u64>,
) -> Vec<u64>
where
    U: Unwinder<Module = Module>,
{
    for module in modules {
        unwinder.add_module(module);
    }
    let mut callers = vec![stack.return_address];
    // What was not kept is neither a return address nor an address of the stack: no caller depends on it.
    let mut read = |address| stack.word(address).ok_or(());
    while callers.len() < MOST
        && let Some(last) = callers.last().copied()
        && let Some(frame) = FrameAddress::from_return_address(last)
        && let Some(next) = step_over(last, &mut regs).or_else(|| {
            let next = unwinder.unwind_frame(frame, &mut regs, cache, &mut read);
            next.ok().flatten()
        })
        && next != 0
    {
        callers.push(next);
    }
    callers
}
