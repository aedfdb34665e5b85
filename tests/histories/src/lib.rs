//! Many do things to a host at once, and each notes when it asked, what it heard and when. What was heard has to be what a
//! host could have said that does one thing after the other (RL-4). All of it is in `tests/it`.
