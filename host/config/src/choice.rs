//! Settings that are one of a few names.

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// As the file writes them.
            pub const NAMES: &[&str] = &[$($text),+];

            /// As the file writes it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            pub(crate) fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

choice!(
    ///
    Mode {
        /// Contracts come from the manifest alone.
        Strict = "strict",
        /// Runtimes may register contracts for one session.
        Development = "development",
    }
);
choice!(
    /// How the host's threads share its work.
    Scheduler {
        /// One thread where there are at most two cores, else all of them.
        Auto = "auto",
        /// One thread.
        CurrentThread = "current-thread",
        /// Several threads.
        MultiThread = "multi-thread",
    }
);
choice!(
    /// What happens to arguments that a contract does not declare.
    ExtraArgs {
        /// The call is refused.
        Reject = "reject",
        /// They are left out.
        Ignore = "ignore",
        /// They are handed on.
        Pass = "pass",
    }
);
choice!(
    /// When a record counts as written.
    Durability {
        /// When it is on the disk.
        Full = "full",
        /// When the operating system has it.
        Relaxed = "relaxed",
    }
);
choice!(
    /// What a caller hears of a denial.
    Disclosure {
        /// That it is one.
        None = "none",
        /// Which rule decided.
        Rule = "rule",
        /// What is missing.
        Full = "full",
    }
);
choice!(
    /// What lists say of tools that their reader may not call.
    DeniedTools {
        /// Nothing; a call of one is refused as denied.
        Omit = "omit",
        /// That they are denied.
        Show = "show",
        /// Nothing; a call of one is refused as that of an unknown tool.
        Hide = "hide",
    }
);
choice!(
    /// What happens where witnesses fall behind.
    Stale {
        /// Operators are told.
        Alert = "alert",
        /// Nothing is admitted.
        Stop = "stop",
    }
);
choice!(
    /// How much is logged.
    LogLevel {
        /// Only what failed.
        Error = "error",
        /// And what may fail.
        Warn = "warn",
        /// And what happened.
        Info = "info",
        /// And why.
        Debug = "debug",
        /// And everything else.
        Trace = "trace",
    }
);
choice!(
    /// How a log line looks.
    LogFormat {
        /// For people.
        Text = "text",
        /// For programs.
        Json = "json",
    }
);
choice!(
    /// What is asked of those who connect.
    ClientAuth {
        /// No certificate.
        Off = "off",
        /// A certificate that holds, or none.
        Optional = "optional",
        /// A certificate that holds.
        Required = "required",
    }
);
choice!(
    /// The oldest TLS that is spoken.
    TlsVersion {
        /// TLS 1.2 and 1.3.
        Tls12 = "1.2",
        /// TLS 1.3 alone.
        Tls13 = "1.3",
    }
);
choice!(
    /// Who may connect to a Unix socket, as file mode.
    SocketMode {
        /// The host's own user.
        Owner = "0600",
        /// And its group.
        Group = "0660",
        /// And everybody on this machine.
        Everybody = "0666",
    }
);

impl SocketMode {
    /// As the file system takes it.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Group => 0o660,
            Self::Everybody => 0o666,
        }
    }
}
