"""A run that slept and whose record cannot be read is told, and read again from its beginning, in a real daemon with real files."""


def asleep(house):
    """A run that fired and was put to sleep."""
    house.rule()
    house.start()
    house.log("r", "step=1 loss=2.0\nstep=2 loss=500\n")
    house.until(house.firing)
    daemon, key = house.daemon, house.run("r").run.info.key
    with daemon.store.turn():
        daemon.snapshots.save([key], daemon.clock.wall())
    daemon.engine.lay_down(key)
    return key


def test_it_is_told_its_files_are_read_again_and_what_was_told_is_not_told_again(house):
    key = asleep(house)
    told, firing = len(house.letters()), house.firing()
    with house.daemon.store.turn() as connection:
        connection.execute("UPDATE snapshots SET data = 'broken' WHERE run = ?", (key,))
    house.log("r", "step=3 loss=600\n")
    house.until(lambda: key in house.daemon.engine.runs and house.run("r").run.rows == 3)
    assert any("the record of r could not be read back, its files are read again" in line for line in house.daemon.told)
    house.turn(3)
    assert house.run("r").run.info.name == "r"
    assert (len(house.letters()), house.firing()) == (told, firing)


def test_one_whose_record_is_whole_goes_on_where_it_was(house):
    key = asleep(house)
    house.log("r", "step=3 loss=600\n")
    house.until(lambda: key in house.daemon.engine.runs and house.run("r").run.rows == 3)
    assert not any("could not be read back" in line for line in house.daemon.told)
