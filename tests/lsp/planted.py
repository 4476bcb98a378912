"""Secrets as people leave them in code, made up and put together here so that no scanner takes this file for a leak.

Each stands in a text with `{}` where the secret stands, and with the suffix of a file that such a text is found in.
"""

from dataclasses import dataclass

BASE64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
HEX = "9f86d081884c7d659a2feaa0c55ad015"


@dataclass(frozen=True)
class Planted:
    text: str
    secret: str
    suffix: str = ".py"

    @property
    def source(self) -> str:
        return self.text.replace("{}", self.secret)


PLANTED = (
    Planted('AWS_KEY = "{}"\n', "AKIA" + "IOSFODNN7EXAMPLX"),
    Planted('aws_secret_access_key = "{}"\n', "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYzzzzzzzKEY"),
    Planted('    def login(self):\n        self.password = "{}"\n', "hunter2-" + "Tr0ub4dor"),
    Planted("PASSWORD: str = '{}'\n", "c0rrect" + "-horse-9"),
    Planted('connect(host, password="{}")\n', "S3cr3t!" + "Pass9"),
    Planted('settings["api_key"] = "{}"\n', "ab12cd34" + "ef56gh78"),
    Planted('{"client_secret": "{}"}\n', "Zx8Qw_7" + "-kLmNoPq", ".js"),
    Planted("const token = `{}`;\n", HEX, ".ts"),
    Planted('  clientSecret: "{}",\n', "q9W8e7R6" + "t5Y4u3I2", ".tsx"),
    Planted('var authToken = "{}"\n', "x1y2z3a4" + "b5c6d7e8", ".go"),
    Planted('let api_key: &str = "{}";\n', "k3y" + "-0f-d00m-42", ".rs"),
    Planted('private static final String DB_PASSWORD = "{}";\n', "Pr0d" + "uct10n#1", ".java"),
    Planted("$password => '{}',\n", "php" + "Pa55w0rd!", ".php"),
    Planted("export DB_PASSWORD={}\n", "9dK2" + "!lm_Q0p", ".sh"),
    Planted("API_TOKEN={} ./run\nAPI_TOKEN={}\n", "a8f5f167f44f4964" + "e6c998dee827110c", ".sh"),
    Planted('def f(token="{}"):\n    """Do it."""\n', "t0k3n" + "Value99"),
    Planted('HEADERS = {"Authorization": "Bearer {}"}\n', "abcdef0123456789" + "abcdef0123"),
    Planted('URL = "postgres://app:{}@db.example.com/app"\n', "pg" + "pass42"),
    Planted('GITHUB = "{}"\n', "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
    Planted('x = "{}"\n', "github_pat_" + "11ABCDEFG0abcdefghijkl_mnopqrstuv"),
    Planted('x = "{}"\n', "glpat-" + "abcdefghij1234567890"),
    Planted('x = "{}"\n', "xoxb-" + "123456789012-abcdefABCDEF"),
    Planted('x = "https://{}"\n', "hooks.slack.com/" + "services/T00000000/B00000000/XXXXabcd1234"),
    Planted('x = "{}"\n', "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc"),
    Planted('x = "{}"\n', "AIza" + "SyA1234567890abcdefghijklmnopqrstuv"),
    Planted('x = "{}"\n', "sk-" + "proj-Ab12Cd34Ef56Gh78Ij90Kl12"),
    Planted('x = "{}"\n', "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEF12"),
    Planted('x = "{}"\n', "SG." + "abcdefghijklmnopqrstuv.ABCDEFGHIJKLMNOPQRSTUV"),
    Planted('x = "{}"\n', "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w"),
    Planted('x = "DefaultEndpointsProtocol=https;AccountKey={}"\n', "Ab1/" * 21 + "Zz=="),
    Planted('KEY = """-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----"""\n', BASE64),
    Planted('KEY = "-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----"\n', BASE64),
    Planted("KEY = '''\n-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n", BASE64),
    Planted("# the key is {}\n", "AKIA" + "IOSFODNN7EXAMPLY"),
)

# Nothing in these is to be taken for a secret.
INNOCENT = (
    'token = "next_token"\n',
    'TOKEN_URL = "https://example.com/oauth2/token"\n',
    'password = os.environ["DB_PASSWORD"]\n',
    "password = getpass.getpass()\n",
    'password = "${DB_PASSWORD}"\n',
    'api_key = "<your-api-key>"\n',
    'api_key = "xxxxxxxxxxxx"\n',
    'secret = "changeme"\n',
    "self.token = config.access_token\n",
    'tokenizer = "gpt2-medium-v1"\n',
    'author = "jdoe1234"\n',
    'raise ValueError("the password is wrong")\n',
    "password: string;\n",
    "def authenticate(token: str, secret: bytes) -> None:\n",
    'DIGEST = "9f86d081884c7d659a2feaa0c55ad015"\n',
    'name = "wJalrXUtnFEMI"\n',
    'url = "https://user@example.com/x"\n',
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkq\n-----END PUBLIC KEY-----\n",
    'passwordField = document.getElementById("password-field")\n',
)
