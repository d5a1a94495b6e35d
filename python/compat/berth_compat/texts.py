"""Texts of the originals that the packages share."""

# Of UnsupportedFormatError. The further lines are indented in the originals' messages, too.
UNSUPPORTED_FORMAT = (
    "Content type %s is not supported by this framework.\n\n"
    "            Please implement input_fn to to deserialize the request data or an output_fn to\n"
    "            serialize the response. For more information, see the SageMaker Python SDK README."
)
