//! A folder keeps what it was given, and says what it has not.

use super::*;
use crate::blobs::Blobs;
use std::os::unix::fs::PermissionsExt;

fn original<'a>(file: &'a Path, bytes: &[u8]) -> Original<'a> {
    fs::write(file, bytes).unwrap();
    Original { hash: Hash::of(bytes), file, media: "image/jpeg", photo: None, lock: None }
}

#[tokio::test]
async fn what_is_put_is_read_only_and_under_its_hash() {
    let disk = tempfile::tempdir().unwrap();
    let (folder, file) = (Folder::new(&disk.path().join("archive")), disk.path().join("photo"));
    let original = original(&file, b"licence");
    let place = folder.put(&original).await.unwrap();
    assert_eq!(place.key, format!("sha256/{}/{}", &original.hash.to_string()[..2], original.hash));
    assert_eq!(folder.read(&place).await.unwrap(), (original.hash, 7));
    let mode = fs::metadata(folder.file(&place)).unwrap().permissions().mode();
    assert_eq!(mode & 0o222, 0, "nobody may write it");
    assert_eq!(fs::read_dir(disk.path().join("archive/incoming")).unwrap().count(), 0);
    // The same again is the same file, not another.
    let before = fs::metadata(folder.file(&place)).unwrap().modified().unwrap();
    folder.put(&original).await.unwrap();
    assert_eq!(fs::metadata(folder.file(&place)).unwrap().modified().unwrap(), before);
}

#[tokio::test]
async fn damaged_bytes_are_set_aside_for_good_ones() {
    let disk = tempfile::tempdir().unwrap();
    let (folder, file) = (Folder::new(&disk.path().join("archive")), disk.path().join("photo"));
    let original = original(&file, b"licence");
    let place = folder.put(&original).await.unwrap();
    fs::remove_file(folder.file(&place)).unwrap();
    fs::write(folder.file(&place), b"Licence").unwrap();
    folder.put(&original).await.unwrap();
    assert_eq!(folder.read(&place).await.unwrap().0, original.hash);
    let aside: Vec<_> = fs::read_dir(disk.path().join("archive/damaged")).unwrap().collect();
    let [aside] = aside.as_slice() else { panic!("one file: {aside:?}") };
    assert_eq!(fs::read(aside.as_ref().unwrap().path()).unwrap(), b"Licence");
}

#[tokio::test]
async fn a_listing_shows_every_original_once_over_all_pages() {
    let disk = tempfile::tempdir().unwrap();
    let (folder, file) = (Folder::new(disk.path()), disk.path().join("photo"));
    let mut put = Vec::new();
    for n in 0..PAGE_MAX + 20 {
        let original = original(&file, &n.to_be_bytes());
        folder.put(&original).await.unwrap();
        put.push(original.hash);
    }
    put.sort();
    let blobs = Blobs::Folder(folder);
    let (first, mark) = blobs.list(None).await.unwrap();
    assert_eq!(first.len(), PAGE_MAX);
    let (second, end) = blobs.list(mark).await.unwrap();
    assert_eq!(end, None);
    let listed: Vec<Hash> = first.into_iter().chain(second).map(|found| found.hash).collect();
    assert_eq!(listed, put);
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_not_a_failure_of_the_disk() {
    let folder = Folder::new(Path::new("nowhere at all"));
    let place = Folder::place(Hash::of(b"licence"));
    assert!(matches!(folder.read(&place).await, Err(Failure::Missing)));
    assert_eq!(folder.list(None).await.unwrap(), (Vec::new(), None));
}
