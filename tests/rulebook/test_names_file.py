from sentinel.rulebook.names_file import load_names


def load(tmp_path, *texts):
    paths = []
    for i, text in enumerate(texts):
        paths.append(tmp_path / f"names{i}.yml")
        paths[-1].write_text(text)
    return load_names(paths)


def test_the_users_file_is_read_over_the_shipped_one(tmp_path):
    names, faults = load(tmp_path, "bleu: {better: higher, splits: true, from: [b]}\n", "bleu: {from: [my_bleu]}\n")
    assert not faults
    assert names.canonical("eval/my_bleu") == "val.bleu"
    assert names.canonical("b") == "bleu"
    assert names.better("val.bleu") == "higher"


def test_every_mistake_is_a_fault_with_its_place(tmp_path):
    text = "a: {better: up}\nb: {shares: true}\nc: 3\nd: {from: x}\na: {}\ne: {share: maybe}\n"
    _, faults = load(tmp_path, text)
    assert [(f.line, f.column) for f in faults] == [(1, 13), (2, 5), (3, 4), (4, 11), (5, 1), (6, 12)]


def test_what_is_not_yaml_or_not_there_is_one_fault(tmp_path):
    assert load(tmp_path, "a: [1\n")[1][0].line == 2
    assert load(tmp_path, "- a\n")[1][0].what.startswith("a names file maps")
    assert load_names([tmp_path / "none.yml"])[1][0].line == 0
