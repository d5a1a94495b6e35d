"""Configurations of training jobs, from a random generator: ordinary ones, and all the odd ones."""

import dataclasses
import json

SWITCHES = [
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
]
RESERVED = [
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "default_user_module_name",
    "_tuning_objective_metric",
    "sagemaker_s3_output",
]
# Quotes, shell syntax, controls, capitals of several letters, what Python calls unprintable,
# what is no character, and bytes that Python escapes.
ODD = [
    *"'\"\\`$;&|<>*?~#!%=,: \t\n\r\x01\x1b\x7f\x85\xa0\xadßŉǰΐéÿſıİﬃᾳ\u0345\u0378\u200b\u2028"
    "\ud7ff\ue000\ufeff\ufffd\ufffe\uffff中ა\u1e9e",
    *"😀𐐨𞤢\U0001d7ff\U000e0001\U0010ffff",
]
NUMBERS = """0 -0 1 -1 7 007 12345678901234567890123456789012345678901234567890 0.1 -0.0 1e-7 1E5 1e5
    1e16 1e15 123456789012345678.0 1e22 1e23 5e-324 2e-324 1.7976931348623157e308 1.8e308 1e400 -1e400
    1e-400 0.30000000000000004 1e+2 1. .5 1e 0x10 1_000 +1 - Infinity -Infinity NaN -NaN inf nan
    9007199254740993 9007199254740993.0 4.35 100000000000000000000000.0 0.0001 0.00001""".split()
WORDS = "lr batch-size batch_size epochs Epochs EPOCHS optimizer model_dir a b A n x.y data mp_parameters".split()
INSTANCE_TYPES = ["ml.m5.large", "ml.p4d.24xlarge", "ml.trn1.32xlarge", "local_gpu"]


@dataclasses.dataclass
class Case:
    """One job. Configuration is members in order, keys may repeat; hyperparameters as in the file."""

    hyperparameters: list
    channels: list
    resources: list
    variables: dict
    code: list
    ascii: bool = True

    def hyperparameter(self, name, absent=None):
        return dict(self.hyperparameters).get(name, absent)

    def with_hyperparameter(self, name, value):
        others = [(n, v) for n, v in self.hyperparameters if n != name]
        return dataclasses.replace(self, hyperparameters=[*others, (name, value)])

    def without(self, *, hyperparameter=None, variables=()):
        return dataclasses.replace(
            self,
            hyperparameters=[(n, v) for n, v in self.hyperparameters if n != hyperparameter],
            variables={n: v for n, v in self.variables.items() if n not in variables},
        )

    def write(self, base):
        (base / "input" / "config").mkdir(parents=True)
        (base / "code").mkdir()
        for name in self.code:
            (base / "code" / name).touch()
        self.write_configuration(base)

    def write_configuration(self, base):
        config = base / "input" / "config"
        for name, members in {
            "hyperparameters": self.hyperparameters,
            "inputdataconfig": self.channels,
            "resourceconfig": self.resources,
        }.items():
            (config / f"{name}.json").write_bytes(self.text(members))

    def text(self, members):
        def written(value, ascii):
            return json.dumps(value, ensure_ascii=ascii)

        def whole(ascii):
            parts = [f"{written(n, ascii)} : {written(v, ascii)}" for n, v in members]
            return ("{" + "\n,".join(parts) + "}\n").encode()

        try:
            return whole(self.ascii)
        except UnicodeEncodeError:  # a lone surrogate has no UTF-8
            return whole(True)


class Generator:
    def __init__(self, random):
        self.random = random

    def often(self, probability):
        return self.random.random() < probability

    def character(self):
        kind = self.random.random()
        if kind < 0.5:
            return chr(self.random.randrange(0x20, 0x7F))
        if kind < 0.9:
            return self.random.choice(ODD)
        code = self.random.randrange(0x80, 0x10F800)
        return chr(code if code < 0xD800 else code + 0x800)

    def text(self, longest=12):
        letters = [self.character() for _ in range(self.random.randrange(longest))]
        if self.often(0.05):  # one escaped byte; two together could be a character again
            letters.insert(self.random.randrange(len(letters) + 1), chr(self.random.randrange(0xDC80, 0xDD00)))
        return "".join(letters)

    def unpassable(self):
        """What no process can be given, sometimes inside of what can."""
        bad = self.random.choice(["\0", "\ud800", "\udbff", "\udc00", "\udc7f", "\udd00", "\udfff"])
        return self.random.choice([bad, f"x{bad}", f'["{json.dumps(bad)[1:-1]}"]', [bad], {"k": bad}, {bad: 1}])

    def scalar(self):
        return self.random.choice(
            [
                lambda: None,
                lambda: self.often(0.5),
                lambda: self.random.randrange(-10, 1000),
                lambda: self.random.getrandbits(self.random.randrange(1, 300)) * self.random.choice([1, -1]),
                lambda: self.random.uniform(-10, 10),
                lambda: self.random.uniform(-10, 10) * 10.0 ** self.random.randrange(-320, 300),
                lambda: float(self.random.randrange(10**18)),
                lambda: self.random.choice([float("nan"), float("inf"), float("-inf"), -0.0]),
                lambda: self.text(),
            ]
        )()

    def value(self, depth=3):
        if depth == 0 or self.often(0.6):
            return self.scalar()
        size = self.random.randrange(4)
        if self.often(0.5):
            return [self.value(depth - 1) for _ in range(size)]
        return {self.name(): self.value(depth - 1) for _ in range(size)}

    def deep(self):
        depth = self.random.randrange(1, 400)
        return self.random.choice(["[" * depth + "1" + "]" * depth, '{"a":' * depth + "1" + "}" * depth])

    def name(self):
        return self.random.choice(
            [
                lambda: self.random.choice(WORDS),
                lambda: self.random.choice(WORDS) + str(self.random.randrange(100)),
                lambda: self.character(),
                lambda: self.text(),
                lambda: "",
            ]
        )()

    def json_text(self, value):
        return json.dumps(
            value,
            ensure_ascii=self.often(0.5),
            separators=self.random.choice([(",", ":"), (", ", ": "), (" ,\t", " :\n ")]),
            sort_keys=self.often(0.3),
        )

    def hyperparameter_value(self):
        kind = self.random.random()
        if kind < 0.4:
            return self.json_text(self.value())
        if kind < 0.6:
            return self.random.choice(NUMBERS)
        if kind < 0.8:
            return self.text(30)
        if kind < 0.83:
            return self.deep()
        if kind < 0.86:
            return "1" * self.random.choice([4299, 4300, 4301])
        if kind < 0.9:  # almost JSON
            text = self.json_text(self.value())
            at = self.random.randrange(len(text) + 1)
            return text[:at] + self.random.choice(["", ",", "]", " ", "\f", "\ufeff", "\x00"[:0]]) + text[at + 1 :]
        if kind < 0.95:
            return " \t\r\n" + self.json_text(self.scalar()) + " \n"
        return self.value()

    def hyperparameters(self):
        members = [(self.name(), self.hyperparameter_value()) for _ in range(self.random.randrange(8))]
        if self.often(0.02):
            members.append((self.name(), self.unpassable()))
        if self.often(0.01):
            members.append((self.random.choice(["\0", "n\0", "\ud83d", "x\udfff"]), "1"))
        if self.often(0.1) and members:
            members.append((members[0][0], self.hyperparameter_value()))
        for name in SWITCHES:
            if self.often(0.08):
                members.append((name, self.random.choice(["true", "false", "True", "0", "1", '""', "null", "[]", "NaN"])))
        for _ in range(self.random.randrange(3)):
            members.append(("sagemaker_" + self.name(), self.hyperparameter_value()))
        members += self.reserved()
        self.random.shuffle(members)
        return members

    def program(self):
        return self.random.choice(["train.py", "sub/train.py", "run.sh", "program", "a.py.py", "x+y-z.py"])

    def reserved(self):
        members = []

        def sometimes(probability, name, *values):
            if self.often(probability):
                value = self.random.choice(values)
                quoted = isinstance(value, str) and self.often(0.5)
                members.append((name, json.dumps(value) if quoted else value))

        odd = (self.text(), "7", "1e3", "null", "true", "", '[1, "x"]')
        sometimes(0.8, "sagemaker_program", self.program(), self.program(), self.program(), self.random.choice(odd))
        sometimes(0.5, "sagemaker_submit_directory", "s3://bucket/code.tar.gz", "/tmp/code", self.random.choice(odd))
        sometimes(0.3, "sagemaker_region", "eu-west-1", "us-east-1", "", self.random.choice(odd))
        sometimes(0.3, "sagemaker_job_name", "job-1", self.text(), self.random.choice(odd))
        sometimes(0.3, "sagemaker_container_log_level", "10", 20, "30", "-5", "null", "INFO", "1.5", "true")
        sometimes(0.2, "sagemaker_s3_output", "s3://bucket/out", "", None)
        sometimes(0.2, "sagemaker_enable_cloudwatch_metrics", "true", "false")
        sometimes(0.2, "default_user_module_name", "module", self.text())
        sometimes(0.2, "_tuning_objective_metric", "loss", self.text())
        return members

    def channels(self):
        about = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
        names = ["train", "validation", "Train", "test-1", "/absolute", "", self.text(), self.name()]
        return [(self.random.choice(names), self.random.choice([about, {}, self.value()])) for _ in range(self.random.randrange(4))]

    def host_names(self):
        names = [f"algo-{n + 1}" for n in range(self.random.choice([1, 1, 2, 3, 12]))]
        if self.often(0.1):
            names[0] = self.text() or "x"
        if self.often(0.2):
            self.random.shuffle(names)
        return names

    def resources(self):
        hosts = self.host_names()
        groups, group_names = [], ["homogeneousCluster", "gpu", "cpu", "gpu", self.text()]
        for at in range(self.random.choice([0, 1, 1, 2, 3])):
            group = {"instance_group_name": group_names[at if self.often(0.5) else self.random.randrange(5)]}
            if self.often(0.9):
                group["instance_type"] = self.random.choice(INSTANCE_TYPES)
            group["hosts"] = self.random.sample(hosts, self.random.randrange(len(hosts) + 1))
            if self.often(0.2):
                group["later_key"] = self.value()
            groups.append(group)
        members = [("hosts", hosts), ("current_host", self.random.choice([*hosts, "elsewhere"]))]
        if groups or self.often(0.1):
            members.append(("instance_groups", groups))
            if self.often(0.8):
                names = [g["instance_group_name"] for g in groups] + ["homogeneousCluster"]
                members.append(("current_group_name", self.random.choice(names)))
        if self.often(0.6):
            members.append(("current_instance_type", self.random.choice(INSTANCE_TYPES)))
        if self.often(0.6):
            members.append(("network_interface_name", self.random.choice(["eth0", "ens5", self.text()])))
        if self.often(0.2):
            members.append(("topology", self.random.choice([[], None, [{"hostName": "algo-1"}], self.value()])))
        if self.often(0.2):
            members.append((self.text(), self.value()))
        self.random.shuffle(members)
        return members

    def variables(self):
        variables = {}
        for name, probability, values in [
            ("SAGEMAKER_PROGRAM", 0.15, [self.program(), "caf\udce9.py", ""]),
            ("SAGEMAKER_SUBMIT_DIRECTORY", 0.15, ["/variable", "s3://b/k.tar.gz", "1e3", ""]),
            ("SAGEMAKER_CONTAINER_LOG_LEVEL", 0.15, ["10", "40", ""]),
            ("SAGEMAKER_TRAINING_MODULE", 0.1, ["pkg.module:main", ""]),
            ("TRAINING_JOB_NAME", 0.5, ["job-7", self.variable_text(), ""]),
            ("AWS_REGION", 0.3, ["eu-central-1", ""]),
            ("AWS_DEFAULT_REGION", 0.2, ["ap-south-1"]),
            ("SAGEMAKER_REGION", 0.1, ["us-west-2", ""]),
            ("SM_HP_MP_PARAMETERS", 0.2, ["{}", '{"partitions":2}', ""]),
            ("CURRENT_HOST", 0.1, ["somebody-else"]),
        ]:
            if self.often(probability):
                variables[name] = self.random.choice(values)
        return variables

    def variable_text(self):
        return self.text().replace("\0", "")

    def case(self):
        case = Case(
            hyperparameters=self.hyperparameters(),
            channels=self.channels(),
            resources=self.resources(),
            variables=self.variables(),
            code=self.random.choice([[], ["setup.py"], ["other.txt"]]),
            ascii=self.often(0.5),
        )
        groups = [g["instance_group_name"] for g in dict(case.resources).get("instance_groups", [])]
        if groups and self.often(0.2):
            named = self.random.sample(groups, self.random.randrange(len(groups) + 1))
            case.hyperparameters.append(("sagemaker_distribution_instance_groups", json.dumps(named)))
        return case
