"""Arrays without a copy: in, out, and kept."""

import numpy as np
import pytest
from worker_double import BYTES, DTYPES, JSON, NPY, TENSOR

ECHO = """
    def model_fn(model_dir): return 1
    def predict_fn(data, model): return data
"""


def sample(dtype, shape):
    count = int(np.prod(shape))
    return np.arange(count).astype(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_and_shape_in_and_out(worker, dtype):
    double = worker(ECHO)
    for shape in [(), (0,), (3,), (2, 3), (2, 0, 3), (1,) * 8, (50, 70)]:
        array = sample(dtype, shape)
        response = double.ask(array, slot=16)
        assert (response.kind, response.status, response.encoding) == (TENSOR, 200, JSON)
        assert response.body.dtype == array.dtype
        assert response.shape == array.shape
        assert np.array_equal(response.body, array)
        assert response.flags == 0
        assert response.begun <= response.decoded <= response.predicted <= response.ended


def test_a_body_in_fortran_order(worker):
    array = sample("<f4", (2, 3, 4))
    response = worker(ECHO).ask(array, fortran=True)
    assert response.shape == (2, 3, 4)
    assert np.array_equal(response.body, array)


@pytest.mark.parametrize(
    "expression, fortran",
    [
        ("data[::2, ::-1]", 0),
        ("data.T", 1),
        ("np.asfortranarray(data)", 1),
        ("np.asfortranarray(data)[:, 1:]", 1),
        ("np.broadcast_to(data[0], (5, 3))", 0),
        ("data[0, 0]", 0),
        ("np.bool_(True)", 0),
        ("data.sum()", 0),
        ("np.tile(data, (40, 40))", 0),
        ("np.tile(data, (40, 40)).T", 1),
    ],
)
def test_arrays_of_any_strides_are_written_as_saved(worker, expression, fortran):
    double = worker(
        f"""
        import numpy as np
        def model_fn(model_dir): return 1
        def predict_fn(data, model): return {expression}
        """
    )
    data = sample("<f8", (4, 3))
    expected = np.asarray(eval(expression, {"data": data, "np": np}))
    for accept, order in (("application/json", 0), ("application/x-npy", fortran)):
        response = double.ask(data, accept=accept, slot=17)
        assert (response.kind, response.fortran) == (TENSOR, order)
        assert response.body.dtype == expected.dtype
        assert np.array_equal(response.body, expected)


@pytest.mark.parametrize("count", [0, 3])
def test_a_handler_may_change_its_input_in_place(worker, count):
    double = worker(
        """
        import numpy as np
        def model_fn(model_dir): return 1
        def predict_fn(data, model):
            assert not data.flags.owndata
            data /= 2
            return np.negative(data, out=data)
        """ if count else """
        def model_fn(model_dir): return 1
        def predict_fn(data, model):
            data /= 2
            return data
        """
    )
    for _ in range(3):
        response = double.ask(np.ones(count))
        assert np.array_equal(response.body, np.full(count, -0.5))


def test_scalars_of_numpy_in_csv_fail_as_the_reference_does(worker):
    double = worker(ECHO)
    response = double.ask(np.array(1.0), accept="text/csv")
    assert (response.kind, response.status) == (BYTES, 500)


def test_without_native_the_answer_is_encoded_here(worker):
    response = worker(ECHO, native=False).ask(b"[1, 2.5]")
    assert (response.kind, response.body) == (BYTES, b"[1.0, 2.5]")


def test_an_array_too_large_for_the_slot_is_encoded_here(worker):
    double = worker(
        """
        import numpy as np
        def model_fn(model_dir): return 1
        def predict_fn(data, model): return np.zeros(4090, "i8")
        """
    )
    response = double.ask(b"0")  # 32720 bytes and the headers' 64
    assert (response.kind, len(response.body)) == (BYTES, 4090 * 3)
    response = double.ask(b"0", slot=16, accept="application/x-npy")
    assert (response.kind, response.encoding) == (TENSOR, NPY)


KEEPS = """
    import numpy as np
    kept = {}
    def model_fn(model_dir): return kept
    def predict_fn(data, model):
        what = int(data.flat[0])
        if what > 0:
            kept[what] = %s
        elif what < 0:
            kept.pop(-what)
        return {str(key): float(np.asarray(value).sum()) for key, value in kept.items()}
"""


@pytest.mark.parametrize(
    "how", ["data", "data[1:]", "data.reshape(2, -1)", "memoryview(data)", "data.view('u1')", "[data]"]
)  # fmt: skip
def test_a_kept_view_keeps_its_slot(worker, how):
    double = worker(KEEPS % how)
    assert double.ask(np.array([7.0, 1, 1, 1]), slot=3).flags == 1
    # As long as it is kept, and the memory is what it was.
    response = double.ask(np.array([0.0, 0, 0, 0]), slot=4)
    assert (response.flags, response.freed) == (0, [])
    response = double.ask(np.array([-7.0, 0, 0, 0]), slot=4)
    assert (response.flags, response.freed, response.json()) == (0, [3], {})
    assert double.ask(np.zeros(4), slot=3).freed == []


def test_what_a_handler_copied_keeps_nothing(worker):
    assert worker(KEEPS % "data.copy()").ask(np.array([7.0, 1]), slot=3).flags == 0


def test_after_four_kept_slots_handlers_get_copies(worker):
    double = worker(KEEPS % "data")
    for slot in range(1, 7):
        response = double.ask(np.array([float(slot), 1.0]), slot=slot)
        assert response.flags == (1 if slot <= 4 else 0)
    # Slots 5 and 6 are used again, the copies stay.
    response = double.ask(np.array([0.0, 99.0]), slot=5)
    assert response.json() == {str(slot): slot + 1.0 for slot in range(1, 7)}
    for slot in (1, 2):
        response = double.ask(np.array([-float(slot), 0]), slot=7)
    assert response.freed == [2]
    assert double.ask(np.array([20.0, 1.0]), slot=8).flags == 1


def test_an_error_that_is_raised_keeps_nothing(worker):
    double = worker(
        """
        def model_fn(model_dir): return 1
        def predict_fn(data, model):
            part = data[1:]
            raise ValueError(part)
        """
    )
    response = double.ask(np.zeros(3))
    assert (response.status, response.flags) == (500, 0)
