//! The transport from the outside: real connections on 127.0.0.1, doors that remember what they were asked.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod callers;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod life;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod runtimes;
