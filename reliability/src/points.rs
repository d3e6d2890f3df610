//! The instructions of a call, and how to get to one of them quickly.
//!
//! One child is stepped through the whole call, and every address noted. Another is then brought to instruction N by
//! running to the last address before it that had not been executed before, and stepping the rest.

use crate::calls;
use crate::scenarios::{Scenario, Victim};
use crate::steady::Scene;
use crate::tracee::{Stop, Tracee, mark, mark_with};
use std::collections::HashSet;

/// Points that lie more steps than this behind the last new address are inside a long loop and are left out.
const FARTHEST: usize = 3000;
/// A call with more instructions than this does not end.
const LONGEST: usize = 20_000_000;

/// One call's instructions.
pub struct Points {
    addresses: Vec<u64>,
    /// For each, the index of the last one up to it with an address met for the first time.
    base: Vec<u32>,
}

/// A child that is about to make the call.
pub fn victim(scenario: &Scenario<'_>, scene: Scene) -> Result<Tracee, String> {
    let mut tracee = Tracee::start(|| {
        let state = (scenario.ready)(scene);
        mark();
        mark_with((scenario.act)(scene, state));
    })?;
    if scenario.victim == Victim::Child {
        // The parent goes on to its mark, its child stays before its first instruction.
        match tracee.go_on()? {
            Stop::Mark => {}
            other => {
                return Err(format!(
                    "the parent did not get through its fork: {other:?}"
                ));
            }
        }
    }
    Ok(tracee)
}

impl Points {
    /// Steps a child through the call. `look` is called after every step, with the index of the next instruction.
    pub fn record(victim: &mut Tracee, mut look: impl FnMut(usize)) -> Result<Points, String> {
        let mut points = Points {
            addresses: vec![victim.instruction()?],
            base: vec![0],
        };
        let mut met = HashSet::new();
        loop {
            look(points.addresses.len() - 1);
            match victim.step()? {
                Stop::Here => {}
                Stop::Mark => return Ok(points),
                other => return Err(format!("the call ended otherwise: {other:?}")),
            }
            let address = victim.instruction()?;
            // The rounds of an instruction that repeats itself (`rep stos`) are one instruction.
            if points.addresses.last() == Some(&address) {
                continue;
            }
            let next = points.addresses.len();
            let last = points.base.last().copied().unwrap_or(0);
            points.base.push(if met.insert(address) {
                next as u32
            } else {
                last
            });
            points.addresses.push(address);
            if next > LONGEST {
                return Err("the call does not end".to_owned());
            }
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.addresses.len()
    }

    /// Points that can be got to, `most` of them or all, evenly spread.
    pub fn spread(&self, most: Option<usize>) -> Vec<usize> {
        let near: Vec<usize> = (0..self.count())
            .filter(|&point| self.distance(point) <= FARTHEST)
            .collect();
        match most {
            Some(most) if near.len() > most => (0..most)
                .filter_map(|place| near.get(place * near.len() / most).copied())
                .collect(),
            _ => near,
        }
    }

    fn distance(&self, point: usize) -> usize {
        point - self.base.get(point).map_or(0, |&base| base as usize)
    }

    /// Brings a child to an instruction. `false` when it got through the call before: the clock and random numbers
    /// make some loops shorter.
    pub fn bring(&self, victim: &mut Tracee, point: usize) -> Result<bool, String> {
        let steps = self.distance(point);
        if let Some(&address) = self.addresses.get(point - steps)
            && victim.run_to(address)? != Stop::Here
        {
            return Ok(false);
        }
        let mut left = steps;
        let mut at = victim.instruction()?;
        while left > 0 {
            if victim.step()? != Stop::Here {
                return Ok(false);
            }
            let next = victim.instruction()?;
            left -= usize::from(next != at);
            at = next;
        }
        Ok(true)
    }
}

/// Forgets a POSIX object that a victim has made.
pub fn clean_object() {
    let _ = calls::unlink_object(c"/partage-test-crash");
}

/// Runs `body` with the process of a call that the harness does something to: its caller, or the caller's child.
pub fn with_victim<T>(
    caller: &mut Tracee,
    who: Victim,
    body: impl FnOnce(&mut Tracee) -> Result<T, String>,
) -> Result<T, String> {
    if who != Victim::Child {
        return body(caller);
    }
    let mut child = caller.take_child().ok_or("there is no child")?;
    let result = body(&mut child);
    caller.put_child(child);
    result
}
