"""Views: what people look at: layouts, pictures and tables of graphs, losses and kernels."""
