//! Seeds that found something, played before all others.
//!
//! A seed is one number for a whole world, so it means another story as soon as the world draws its
//! chances in another order: a stored scenario would have to name every choice, and would be as long
//! as its trace. What outlives the world is the regression test, in core, that is named after what
//! broke. A seed stays here while it still tells its story, and it is cheap to keep.

/// Each seed, and what it had found. What was found up to now, and the test in core that keeps it:
///
/// | found | kept by |
/// | --- | --- |
/// | a slower releaser's outcome wiped out the doubt of another's | `a_second_outcome_does_not_wipe_out_the_doubt_of_the_first` |
/// | a releaser that was taken over deleted the record that said so | `a_releaser_that_was_taken_over_leaves_the_doubt_on_record` |
/// | a queue of one message was given to a dead address for ever | `one_held_message_finds_the_address_that_works` |
/// | a clock far ahead put off the next probe for a year | `a_clock_far_ahead_does_not_put_off_the_next_probe` |
/// | a clock far ahead swept away the records of the day | `a_clock_that_leapt_deletes_nothing` |
/// | an outcome that was written late hid the one who had delivered it too | `who_clears_up_after_a_late_outcome_keeps_the_doubt` |
/// | a drop after a return that broke off did not say who had returned it | `a_drop_after_a_return_that_broke_off_names_both` |
/// | who had lost the lease to a slow clock tried what another's batch named | `who_has_lost_the_lease_without_knowing_leaves_the_batch_of_another_alone` |
///
/// The seeds of those that are not here meant other worlds.
pub const SAVED_SEEDS: &[(u64, &str)] = &[
    (36_726, "a batch and another releaser had the same message"),
    (20_003_435, "a late outcome hid another's delivery"),
    (20_210_291, "a drop did not say who had returned it"),
];
