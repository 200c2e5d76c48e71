//! Options of a `--config` file, below those that were typed.

/// What can be left out on the command line.
pub trait OrConfig {
    /// What was typed wins; `config` fills in the rest.
    #[must_use]
    fn or_config(self, config: Self) -> Self;
}

impl<T> OrConfig for Option<T> {
    fn or_config(self, config: Self) -> Self {
        self.or(config)
    }
}

impl OrConfig for bool {
    fn or_config(self, config: Self) -> Self {
        self || config
    }
}

impl<T> OrConfig for Vec<T> {
    fn or_config(self, config: Self) -> Self {
        if self.is_empty() { config } else { self }
    }
}

/// Defines a struct of options with `or_config`, field by field, so that no second list of them is needed.
macro_rules! options {
    ($(#[$about:meta])* pub struct $name:ident { $($(#[$attribute:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        pub struct $name { $($(#[$attribute])* pub $field: $type,)* }

        impl $crate::cli::config::OrConfig for $name {
            fn or_config(self, config: Self) -> Self {
                use $crate::cli::config::OrConfig;
                Self { $($field: OrConfig::or_config(self.$field, config.$field),)* }
            }
        }
    };
}
pub(crate) use options;
