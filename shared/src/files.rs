//! Folders of embedded storage. They hold personal data, so only their owner may look into them.

use std::{
    fs::{DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

/// Makes the folder that a file will be in, unless it is there, for its owner alone, and syncs it to disk.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn make_folder_of(file: &Path) -> io::Result<()> {
    let Some(folder) = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
    else {
        return Ok(());
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for folder in folder
        .ancestors()
        .skip(1)
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        // Not every system opens folders, and not every file system syncs them; then there is nothing to be done.
        if File::open(folder).and_then(|folder| folder.sync_all()).is_err() {
            break;
        }
    }
    Ok(())
}
