//! A whole host in one thread, under scripted callers, runtimes and operators. One seed is one run: time stands still
//! until everybody waits, and everything that is chosen is chosen by the seed. All of it is in `tests/it`.
