"""The page of a live run: pictures, figures and controls in a browser. Needs the extra `serve`.

    from seaformer_edge.web.server import WebServer

    with LivePipeline("0", model) as live, WebServer(live, listen(Address.parse("[::1]:8000"))):
        ...

One thread runs the server's event loop; another makes JPEGs, and only while somebody watches. The
run itself waits for neither.
"""
