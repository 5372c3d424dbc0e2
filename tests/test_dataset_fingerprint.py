"""What of a dataset's folder is watched between runs of make reproduce."""

from drml.reproduce import fingerprints


def test_folders_that_are_links_are_watched(tmp_path):
    elsewhere, dataset = tmp_path / "disk2", tmp_path / "BP4D"
    elsewhere.mkdir()
    dataset.mkdir()
    labels = elsewhere / "F001_T1.csv"
    labels.write_text("0,1\n")
    (dataset / "AUCoding").symlink_to(elsewhere)
    before = fingerprints.take(dataset)["content"]
    assert fingerprints.take(dataset)["content"] == before
    labels.write_text("0,1\n1,0\n")
    assert fingerprints.take(dataset)["content"] != before
