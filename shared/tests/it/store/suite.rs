//! What both databases must do alike.
