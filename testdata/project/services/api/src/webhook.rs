// SPDX-License-Identifier: LicenseRef-Northwind

// Shops that don't want to ask all day give us an address, and we call it
// when a parcel moves. A shop that is down must not slow down the others, so
// every shop has a queue of its own.

use std::collections::VecDeque;

use crate::clock::Seconds;
use crate::parcel::State;

/// The pause after the first failure. It doubles with each further one.
const FIRST_PAUSE: Seconds = 30;
/// A pause is never longer than this, however long the shop has been down.
const LONGEST_PAUSE: Seconds = 3_600;
/// A shop that is down for days would fill the memory otherwise.
const QUEUE: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub parcel: String,
    pub state: State,
}

#[derive(Debug, Default)]
pub struct Queue {
    waiting: VecDeque<Notice>,
    failures: u32,
    not_before: Seconds,
}

impl Queue {
    /// Adds a notice. An older notice about the same parcel is removed: the shop
    /// wants to know where the parcel is, not where it has been.
    pub fn push(&mut self, notice: Notice) {
        self.waiting.retain(|old| old.parcel != notice.parcel);
        if self.waiting.len() == QUEUE {
            self.waiting.pop_front();
        }
        self.waiting.push_back(notice);
    }

    /// Returns the notice to send now, if there is one and the pause is over.
    pub fn due(&self, now: Seconds) -> Option<&Notice> {
        if now < self.not_before {
            return None;
        }
        self.waiting.front()
    }

    /// The shop has answered. Whatever it said, it is up again.
    pub fn sent(&mut self) {
        self.waiting.pop_front();
        self.failures = 0;
        self.not_before = 0;
    }

    /// The shop has not answered. Wait longer each time, up to an hour.
    pub fn failed(&mut self, now: Seconds) {
        let doubled = FIRST_PAUSE << self.failures.min(10);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + doubled.min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(state: State) -> Notice {
        Notice { parcel: "000000017-01".to_string(), state }
    }

    #[test]
    fn only_the_newest_state_is_sent() {
        let mut queue = Queue::default();
        queue.push(notice(State::Packed));
        queue.push(notice(State::Loaded));
        assert_eq!(queue.due(0), Some(&notice(State::Loaded)));
    }

    #[test]
    fn pauses_grow_and_then_stay() {
        let mut queue = Queue::default();
        queue.push(notice(State::Packed));
        queue.failed(0);
        assert!(queue.due(29).is_none());
        assert!(queue.due(30).is_some());
        // After many failures the pause is an hour and does not overflow.
        for _ in 0..200 {
            queue.failed(0);
        }
        assert!(queue.due(3_599).is_none());
        assert!(queue.due(3_600).is_some());
    }
}
